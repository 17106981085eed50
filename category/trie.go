package category

import (
	"math/bits"
	"slices"
	"strings"
)

// trie finds keys in folded text by walking it letter by letter. A node's children lie side by side.
type trie struct{ nodes []node }

type node struct {
	mask  uint64 // which of the 37 signs lead on
	first int32  // the child of the lowest of them
	value int32  // what the key that ends here stands for, -1 if none does
	cut   int32  // what the key stands for that must end a few letters on: banks cut names short; -1 if none
}

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
	t := trie{make([]node, 1, 4*len(keys)+1)}
	t.fill(0, keys, values, 0)
	return t
}

// fill completes the node that all keys, which agree in depth signs, pass through.
func (t *trie) fill(at int32, keys []string, values map[string]int32, depth int) {
	n := node{value: -1, cut: -1, first: int32(len(t.nodes))}
	if len(keys) > 0 && len(keys[0]) == depth {
		n.value = values[keys[0]]
		keys = keys[1:]
	} else if depth >= shortestCut && len(keys) > 0 && len(keys[0])-depth <= longestCut && !strings.Contains(keys[0][depth:], " ") {
		one := true // all that follow only go on from the shortest
		for _, k := range keys[1:] {
			one = one && strings.HasPrefix(k, keys[0])
		}
		if one {
			n.cut = values[keys[0]]
		}
	}
	var groups [][]string
	for len(keys) > 0 {
		c := keys[0][depth]
		end := 1
		for end < len(keys) && keys[end][depth] == c {
			end++
		}
		n.mask |= 1 << sign(c)
		groups = append(groups, keys[:end])
		keys = keys[end:]
	}
	t.nodes[at] = n
	t.nodes = append(t.nodes, make([]node, len(groups))...)
	for i, group := range groups {
		t.fill(n.first+int32(i), group, values, depth+1)
	}
}

// step goes on from a node by a sign, to -1 if no key does.
func (t *trie) step(at int32, c byte) int32 {
	n := &t.nodes[at]
	bit := uint64(1) << sign(c)
	if n.mask&bit == 0 {
		return -1
	}
	return n.first + int32(bits.OnesCount64(n.mask&(bit-1)))
}
