package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestWebhookSecret: made once, shown each time, renewed when that is said, and unreadable without the encryption key.
func TestWebhookSecret(t *testing.T) {
	t.Parallel()
	key := strings.TrimSpace(command(t, nil, "secrets", "key"))
	env := append([]string{"ENCRYPTION_KEYS=" + key}, ready(t)...)
	var l login
	if err := json.Unmarshal([]byte(command(t, env, "customer", "create", "--name", "Shop", "--json")), &l); err != nil {
		t.Fatal(err)
	}
	show := func(more ...string) string {
		t.Helper()
		out := command(t, env, append([]string{"customer", "webhook-secret", "--customer", l.ClientID}, more...)...)
		if secret, ok := strings.CutSuffix(out, "\n"); !ok || !strings.HasPrefix(secret, "whsec_") || len(secret) != len("whsec_")+44 {
			t.Errorf("printed %q", out)
		}
		return out
	}
	first := show()
	if show() != first {
		t.Error("it changed")
	}
	second := show("--rotate")
	if second == first || show() != second {
		t.Error("it did not change, once")
	}
	env[0] = "ENCRYPTION_KEYS=" + strings.TrimSpace(command(t, nil, "secrets", "key"))
	for _, more := range [][]string{nil, {"--rotate"}} { // which makes none that the server could not open
		args := append([]string{"customer", "webhook-secret", "--customer", l.ClientID}, more...)
		if out, errs, err := try(t, env, args...); err == nil || out != "" || !strings.Contains(errs, "open the secret") {
			t.Errorf("%v: %v, %s", more, err, errs)
		}
	}
	env[0] += "," + key
	if out := command(t, env, "secrets", "rotate"); out != "{\"encrypted\":2,\"failed\":0}\n" {
		t.Error(out)
	}
	env[0], _, _ = strings.Cut(env[0], ",")
	if show() != second {
		t.Error("another secret after its key changed")
	}
	if _, errs, err := try(t, env, "customer", "webhook-secret", "--customer", "nobody"); err == nil || !strings.Contains(errs, "not found") {
		t.Errorf("%v, %s", err, errs)
	}
}
