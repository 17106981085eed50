package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	for text, want := range map[string]string{
		"DE89370400440532013000":                                   "DE****3000",
		"to DE89 3704 0044 0532 0130 00 on Monday":                 "to DE****3000 on Monday",
		"de89370400440532013000.":                                  "DE****3000.",
		"NO9386011117947 and GB29NWBK60161331926819":               "NO****7947 and GB****6819",
		"DE89370400440532013001":                                   "DE89370400440532013001", // the check digits are wrong
		"DE893704004405320130001":                                  "DE893704004405320130001",
		"key=FR1420041010050500013M02606;":                         "key=FR****2606;",
		`a\nDE89370400440532013000`:                                `a\nDE****3000`,
		"card 4111111111111111 of 12/29":                           "card ****1111 of 12/29",
		"5500-0000-0000-0004, 4111 1111 1111 1111":                 "****0004, ****1111",
		"4111111111111112 1234567890123":                           "4111111111111112 1234567890123",
		"0.4111111111111111":                                       "0.4111111111111111",
		"Authorization: Bearer abcdefghijklmnop0123":               "Authorization: Bearer ***",
		"basic information":                                        "basic information",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln.":               "***.",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw!":                  "whsec_***!",
		"postgres://app:s3cret@db:5432/x":                          "postgres://***@db:5432/x",
		"t=YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZTE":            "t=***",
		"/reports/h.YWJjZGVmZ2hpa-tsbW5v_HFyc3R1dnd4eXphYmNkZTE?x": "/reports/h.***?x",
		"4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7":        "4bf92f3577b34da6a3ce929d0e0e4736 00f067aa0ba902b7",
		"2026-11-21T15:21:44.123456789Z":                           "2026-11-21T15:21:44.123456789Z",
		"a YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZT_ b":          "a *** b",
		"DE89370400440532013000-YWJjZGVmZ2hp":                      "DE****3000-YWJjZGVmZ2hp",
		"":                                                         "",
	} {
		if got := Mask(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// text is an error and a value that tell too much.
type text struct{ Account, Note string }

func (x text) Error() string { return x.Account }

// TestSecretsStayOut logs secrets on purpose, in every place of a line.
func TestSecretsStayOut(t *testing.T) {
	secrets := []string{"DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "4111111111111111", "4111 1111 1111 1111",
		"Bearer abcdefghijklmnop0123456789", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXphYmNkZTE"}
	var out strings.Builder
	logger := NewLogger(&out, slog.LevelDebug)
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(logger)
	for _, secret := range secrets {
		logger.Info("paid by " + secret)
		logger.Error("x", "error", fmt.Errorf("save\n%s\tin: %w", secret, errors.New(secret)))
		logger.Warn("x", slog.Group("g", "a", text{secret, "q\"" + secret + "\""}, secret, 1), "m", map[string]any{secret: []string{secret}})
		logger.With("account", secret).WithGroup("g").Debug("x", "stack", "panic: "+secret+"\ngoroutine 1")
		logger.Info("x", "json", `{"iban":"`+secret+`"}`, "number", json.Number("4111111111111111"), "int", 4111111111111111, "list", []int{4111111111111111, 7})
		log.Printf("http: panic serving 1.2.3.4: %v", secret)
	}
	for line := range strings.Lines(out.String()) {
		var any map[string]any
		if err := json.Unmarshal([]byte(line), &any); err != nil {
			t.Errorf("no JSON any more: %v %s", err, line)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 6*len(secrets) {
		t.Errorf("%d lines", n)
	}
	for _, secret := range append(secrets, "4111111111111111", "370400440532013", "abcdefghijklmnop") {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%s is in the log", secret)
		}
	}
}
