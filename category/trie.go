package category

import (
	"math/bits"
	"slices"
	"strings"
)

// trie finds keys in folded text by walking it letter by letter. There are some 400,000 nodes, so each is small and none holds
// a pointer.
type trie struct {
	nodes  []node
	values []int32 // of the nodes that ends or breaks is said of
}

// node says which of the 37 signs lead on, a bit for each. What is above firstChild is where the child of the lowest of them
// is; the others' lie beside it.
type node uint64

const (
	ends       node = 1 << 37 // a key ends here
	breaks     node = 1 << 38 // a key must end a few letters on: banks cut names short
	firstChild      = 39
)

const (
	longestCut  = 5 // letters that may be cut off
	shortestCut = 7 // letters that must remain
)

func sign(c byte) uint {
	switch {
	case c >= 'a':
		return uint(c-'a') + 11
	case c == ' ':
		return 0
	}
	return uint(c-'0') + 1
}

// newTrie makes one of its keys, which are folded.
func newTrie(values map[string]int32) trie {
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	t := trie{nodes: make([]node, 1, 6*len(keys)+1)}
	t.values = make([]int32, 1, cap(t.nodes))
	t.fill(0, keys, values, 0)
	return trie{slices.Clone(t.nodes), slices.Clone(t.values)} // which fit
}

// fill completes the node that all keys, which agree in depth signs, pass through.
func (t *trie) fill(at int32, keys []string, values map[string]int32, depth int) {
	first := int32(len(t.nodes))
	n := node(first) << firstChild
	if len(keys) > 0 && len(keys[0]) == depth {
		n |= ends
		t.values[at] = values[keys[0]]
		keys = keys[1:]
	} else if depth >= shortestCut && len(keys) > 0 && len(keys[0])-depth <= longestCut && !strings.Contains(keys[0][depth:], " ") {
		one := true // all that follow only go on from the shortest
		for _, k := range keys[1:] {
			one = one && strings.HasPrefix(k, keys[0])
		}
		if one {
			n |= breaks
			t.values[at] = values[keys[0]]
		}
	}
	var groups [][]string
	for len(keys) > 0 {
		c := keys[0][depth]
		end := 1
		for end < len(keys) && keys[end][depth] == c {
			end++
		}
		n |= 1 << sign(c)
		groups = append(groups, keys[:end])
		keys = keys[end:]
	}
	t.nodes[at] = n
	t.nodes, t.values = append(t.nodes, make([]node, len(groups))...), append(t.values, make([]int32, len(groups))...)
	for i, group := range groups {
		t.fill(first+int32(i), group, values, depth+1)
	}
}

// step goes on from a node by a sign, to -1 if no key does.
func (t *trie) step(at int32, c byte) int32 {
	n := t.nodes[at]
	bit := node(1) << sign(c)
	if n&bit == 0 {
		return -1
	}
	return int32(n>>firstChild) + int32(bits.OnesCount64(uint64(n&(bit-1))))
}

// value is what the key stands for that ends at a node, or that was cut there, if there is such a one.
func (t *trie) value(at int32, how node) (v int32, ok bool) {
	if t.nodes[at]&how == 0 {
		return 0, false
	}
	return t.values[at], true
}
