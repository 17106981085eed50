//go:build failpoint

package main

import _ "insightgraph/failpoint/armed"
