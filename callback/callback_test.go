package callback_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"insightgraph/bank"
	"insightgraph/callback"
	"insightgraph/fault"
)

func ref(kind bank.Kind, consumer, id int64) bank.Ref {
	return bank.Ref{Kind: kind, ConsumerID: consumer, ID: id}
}

func TestBodies(t *testing.T) {
	handle := `order "7" <ü>`
	consumer, source, report := ref(bank.KindConsumer, 3, 3), ref(bank.KindSource, 3, 9), ref(bank.KindReport, 3, 12)
	for want, got := range map[string]string{
		`{"event":"DATA_SOURCES_SYNCHRONIZED","callbackHandle":null,"consumerId":"` + consumer.String() + `","dataSources":[{"id":"` + source.String() + `","status":"ERROR"}]}`: callback.SourcesBody(nil, consumer, []callback.SourceStatus{{ID: source, Status: "ERROR"}}),
		`{"event":"DATA_SOURCES_SYNCHRONIZED","callbackHandle":null,"consumerId":"` + consumer.String() + `","dataSources":[]}`:                                                  callback.SourcesBody(nil, consumer, nil),
		`{"event":"REPORT_FINISHED","callbackHandle":"order \"7\" \u003cü\u003e","reportId":"` + report.String() + `","status":"SUCCEEDED"}`:                                     callback.ReportBody(&handle, report, "SUCCEEDED"),
	} {
		if got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}

func TestBackoff(t *testing.T) {
	var all, last time.Duration
	tries := 1
	for {
		wait, again := callback.Backoff(tries)
		if !again {
			break
		}
		if wait <= last || wait > callback.Longest {
			t.Errorf("wait %d is %v after %v", tries, wait, last)
		}
		all, last = all+wait, wait
		tries++
	}
	if tries != 10 || all != 46*time.Hour+12*time.Minute+35*time.Second {
		t.Errorf("%d tries in %v", tries, all)
	}
	for _, n := range []int{-1, 0, 11, 1 << 40} {
		if _, again := callback.Backoff(n); again {
			t.Errorf("again after try %d", n)
		}
	}
}

func TestHeaders(t *testing.T) {
	first, second, other := callback.NewSecret(), callback.NewSecret(), callback.NewSecret()
	id, body, at := ref(bank.KindDelivery, 3, 77), `{"event":"REPORT_FINISHED"}`, time.Now()
	headers, err := callback.Headers(id, at, body, []string{second, first})
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{}
	for name, value := range headers {
		h.Set(name, value)
	}
	verify := func(secret, body string) error {
		w, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		return w.Verify([]byte(body), h)
	}
	for _, s := range []string{first, second} {
		if err := verify(s, body); err != nil {
			t.Error(err)
		}
		if verify(s, body+" ") == nil {
			t.Error("a changed body is taken")
		}
	}
	if verify(other, body) == nil {
		t.Error("another secret is taken")
	}
	if got := h.Get("webhook-id"); got != id.String() || strings.Contains(got, ".") {
		t.Errorf("webhook-id %q", got)
	}
	if _, err := callback.Headers(id, at, body, []string{"whsec_secret!"}); err == nil || strings.Contains(err.Error(), "secret!") {
		t.Errorf("a bad secret: %v", err)
	}
}

// TestKnownSignature compares with a signature that openssl made.
func TestKnownSignature(t *testing.T) {
	id := ref(bank.KindDelivery, 1, 1)
	headers, err := callback.Headers(id, time.Unix(1614265330, 0), `{"test": 2432232314}`, []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})
	if err != nil {
		t.Fatal(err)
	}
	// printf '%s' 'dwEB.1614265330.{"test": 2432232314}' | openssl dgst -sha256 -mac HMAC -macopt hexkey:KEY -binary | base64
	if headers["webhook-id"] != "dwEB" || headers["webhook-timestamp"] != "1614265330" || headers["webhook-signature"] != "v1,LxuVnVTlO8jZ6F74221rxn8NBRuN32UAMA6+FNQKmkA=" {
		t.Errorf("%v", headers)
	}
}

func TestSecretPlace(t *testing.T) {
	if callback.SecretPlace(1) == callback.SecretPlace(11) || len(callback.NewSecret()) != len("whsec_")+44 {
		t.Error("places and secrets")
	}
}

func TestCheckURL(t *testing.T) {
	const public, private, never = "public", "private", "never"
	for text, want := range map[string]string{
		"https://shop.example/hook":                            public,
		"https://shop.example":                                 public,
		"https://shop.example:8443/a?b=c&d=%20":                public,
		"HTTPS://SHOP.example./hook":                           public,
		"https://xn--mller-kva.example/":                       public,
		"https://8.8.8.8/":                                     public,
		"https://[2606:4700::1111]:443/":                       public,
		"https://[64:ff9b::808:808]/":                          public,
		"https://[2002:808:808::1]/":                           public,
		"https://a_b.shop-1.example/":                          public,
		"https://1e100.net/":                                   public,
		"http://shop.example/hook":                             private, // only with TLS
		"http://8.8.8.8/":                                      private,
		"http://localhost:8080/hook":                           private,
		"https://localhost/":                                   private,
		"https://LOCALHOST./":                                  private,
		"https://app.localhost/":                               private,
		"http://receiver:8080/":                                private, // in a compose network
		"https://receiver/":                                    private,
		"https://" + strings.Repeat("x", 63) + ".example/":     public,
		"https://" + strings.Repeat("x", 64) + ".example/":     never,
		"http://127.0.0.1:4000/":                               private,
		"https://127.9.9.9/":                                   private,
		"https://10.0.0.1/":                                    private,
		"https://172.31.255.255/":                              private,
		"https://192.168.1.1/":                                 private,
		"https://100.64.0.1/":                                  private,
		"https://[::1]/":                                       private,
		"https://[::ffff:127.0.0.1]/":                          private,
		"https://[::ffff:10.0.0.1]/":                           private,
		"https://[fd00::1]/":                                   private,
		"https://127.0.0.1./":                                  private,
		"https://169.254.169.254/latest/meta-data/":            never,
		"https://[::ffff:169.254.169.254]/":                    never,
		"https://[fd00:ec2::254]/":                             never, // AWS
		"https://[fd20:ce::254]/":                              never, // Google
		"https://[fd00:42::42]/":                               never, // Scaleway
		"https://100.100.100.200/":                             never, // Alibaba
		"https://168.63.129.16/":                               never, // Azure
		"https://[::ffff:168.63.129.16]/":                      never,
		"https://[64:ff9b::a83f:8110]/":                        never,
		"https://[2002:a83f:8110::1]/":                         never,
		"https://[fe80::1]/":                                   never,
		"https://[fe80::1%25eth0]/":                            never,
		"https://0.0.0.0/":                                     never,
		"https://[::]/":                                        never,
		"https://[::127.0.0.1]/":                               never, // IPv4-compatible
		"https://224.0.0.1/":                                   never,
		"https://255.255.255.255/":                             never,
		"https://[ff02::1]/":                                   never,
		"https://[64:ff9b::7f00:1]/":                           never, // 127.0.0.1 by NAT64
		"https://[64:ff9b:1::1]/":                              never,
		"https://[2002:7f00:1::]/":                             never, // 127.0.0.1 by 6to4
		"https://[2001::1]/":                                   never, // Teredo
		"https://192.0.2.1/":                                   never,
		"https://[2001:db8::1]/":                               never,
		"https://2130706433/":                                  never, // 127.0.0.1
		"https://0x7f000001/":                                  never,
		"https://0x7F.1/":                                      never,
		"https://0177.0.0.1/":                                  never,
		"https://127.1/":                                       never,
		"https://127.0.0.1../":                                 never,
		"https://1.2.3.4.5/":                                   never,
		"https://１２７.0.0.1/":                                   never, // becomes 127.0.0.1 by normalisation
		"https://127。0。0。1/":                                   never,
		"https://müller.example/":                              never, // by its ASCII name
		"https://shop%2eexample/":                              never,
		"https://shop.example%00/":                             never,
		"https://shop..example/":                               never,
		"https://user@shop.example/":                           never,
		"https://user:pass@shop.example/":                      never,
		"https://@shop.example/":                               never,
		"https://shop.example/#part":                           never,
		"https://shop.example/#":                               never,
		"https://shop.example:0/":                              never,
		"https://shop.example:/":                               never,
		"https://shop.example:65535/":                          public,
		"https://shop.example:65536/":                          never,
		"https://shop.example:https/":                          never,
		"https:///hook":                                        never,
		"https://:8443/":                                       never,
		"https:shop.example":                                   never,
		"//shop.example/":                                      never,
		"shop.example/hook":                                    never,
		"/hook":                                                never,
		"ftp://shop.example/":                                  never,
		"file:///etc/passwd":                                   never,
		"javascript:alert(1)":                                  never,
		" https://shop.example/":                               never,
		"https://shop.example/\r\nX: y":                        never,
		"https://shop.example/\x00":                            never,
		"":                                                     never,
		"https://shop.example/" + strings.Repeat("x", 2000-21): public,
		"https://shop.example/" + strings.Repeat("x", 2000-20): never,
	} {
		for _, allow := range []bool{false, true} {
			f := callback.CheckURL("input.callbackUrl", text, allow)
			if ok := f == nil; ok != (want == public || want == private && allow) {
				t.Errorf("%.60q with private %v: %v", text, allow, f)
			}
			if f != nil && (f.Field != "input.callbackUrl" || !strings.Contains(f.Message, "callbackUrl") || strings.Contains(f.Message, "input")) {
				t.Errorf("%.60q: %v", text, f)
			}
		}
	}
	if f := callback.CheckURL("callbackUrl", "https://127.0.0.1/", false); f.Code != fault.InvalidValue || f.Message != "Invalid value for callbackUrl; its host is not on the public internet" {
		t.Error(f)
	}
}

func TestAllowed(t *testing.T) {
	if !callback.Private(netip.Addr{}) || callback.Allowed(netip.Addr{}, true) {
		t.Error("no address at all")
	}
	if callback.Private(netip.MustParseAddr("::ffff:8.8.8.8")) {
		t.Error("8.8.8.8 is public")
	}
}

func FuzzCheckURL(f *testing.F) {
	for _, s := range []string{"https://shop.example/hook", "https://[::1]:80/", "http://127.1/", "https://a:b@c/#"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if callback.CheckURL("url", text, false) == nil && callback.CheckURL("url", text, true) != nil {
			t.Errorf("%q is only allowed without private addresses", text)
		}
	})
}
