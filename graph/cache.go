package graph

import (
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// cache keeps documents that were parsed and checked. When it is full it forgets all: programs send few documents, so
// that happens only where somebody fills it on purpose, and then costs no more than no cache.
type cache struct {
	mu        sync.RWMutex
	documents map[string]*ast.QueryDocument
}

// Get finds a document by its text.
func (c *cache) Get(_ context.Context, text string) (*ast.QueryDocument, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	d, ok := c.documents[text]
	return d, ok
}

// Add keeps a document.
func (c *cache) Add(_ context.Context, text string, d *ast.QueryDocument) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.documents == nil || len(c.documents) >= cacheSize {
		c.documents = make(map[string]*ast.QueryDocument, cacheSize)
	}
	c.documents[text] = d
}
