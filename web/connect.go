package web

import (
	"embed"
	"path"
)

// connect is written by hand: what stands there is what browsers get.
//
//go:embed connect
var connect embed.FS

// Connect is a file of the connect app: page.html and what it needs, return.html, lost.html and foreign.html, on which
// the bank's own page ends, and app.js, which customers' pages load.
func Connect(name string) (data []byte, contentType string, ok bool) {
	if path.Base(name) != name {
		return nil, "", false
	}
	data, err := connect.ReadFile("connect/" + name)
	contentType, known := contentTypes[path.Ext(name)]
	return data, contentType, err == nil && known
}
