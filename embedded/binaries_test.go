package embedded

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// onlyTools makes this machine one without servers, with the named tools, and an empty cache.
func onlyTools(t *testing.T, tools ...string) (cache string) {
	keep := machine
	t.Cleanup(func() { machine = keep })
	cache = t.TempDir()
	machine.root = t.TempDir()
	machine.caches = func() []string { return []string{cache} }
	machine.lookPath = func(name string) (string, error) {
		for _, tool := range tools {
			if name == tool {
				return keep.lookPath(name)
			}
		}
		return "", exec.ErrNotFound
	}
	return cache
}

func TestNothingToBeHad(t *testing.T) {
	onlyTools(t)
	for _, c := range []struct {
		o    Options
		want []string
	}{
		{Options{Postgres: true}, []string{"PostgreSQL was not found and could not be fetched: run ", "or set DATABASE_URL"}},
		{Options{Redis: true}, []string{"Redis was not found and could not be fetched: run ", "or set REDIS_URL"}},
	} {
		c.o.Dir = t.TempDir()
		_, err := Start(testContext(t), c.o)
		var missing *missingError
		if !errors.As(err, &missing) {
			t.Fatalf("the error is %v", err)
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
				t.Errorf("%q lacks %q", err, w)
			}
		}
	}
}

func TestFetchedOnce(t *testing.T) {
	cache := onlyTools(t)
	if err := os.Mkdir(filepath.Join(cache, "fetching-left"), 0o700); err != nil {
		t.Fatal(err)
	}
	failed := errors.New("no network")
	if _, err := fetchOnce(testContext(t), "x", func(context.Context, string, string) error { return failed }); !errors.Is(err, failed) {
		t.Fatalf("the error is %v", err)
	}
	var fills int // guarded by the lock that is under test
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			root, err := fetchOnce(testContext(t), "x", func(_ context.Context, _, work string) error {
				fills++
				return os.WriteFile(filepath.Join(work, "root", "program"), nil, 0o755)
			})
			if err != nil || !exists(filepath.Join(root, "program")) {
				t.Errorf("%s, %v", root, err)
			}
		})
	}
	wg.Wait()
	left, _ := filepath.Glob(filepath.Join(cache, "fetching-*"))
	if fills != 1 || len(left) != 0 {
		t.Errorf("filled %d times, left %q", fills, left)
	}
}

func TestNewestPostgresFirstUnlessTheClusterIsOlder(t *testing.T) {
	onlyTools(t)
	for _, v := range []string{"9.6", "15", "17"} {
		bin := filepath.Join(machine.root, "usr/lib/postgresql", v, "bin")
		if err := os.MkdirAll(bin, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"postgres", "initdb"} {
			if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\necho 'postgres (PostgreSQL) "+v+".1'\n"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
	}
	for want, got := range map[int]int{0: 17, 15: 15, 16: 17, 17: 17} {
		if b, err := findPostgres(testContext(t), want, t.Logf); err != nil || b.version != got {
			t.Errorf("wanted %d: %+v, %v", want, b, err)
		}
	}
}
