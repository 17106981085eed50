package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// keys are key pairs of the intruder, registered by their public halves.
type keys struct {
	rsa      *rsa.PrivateKey
	ecdsa    *ecdsa.PrivateKey
	ed       ed25519.PrivateKey
	revoked  ed25519.PrivateKey
	publicly string // PEM of the RSA key, which everybody may know
}

func (a *attack) newKeys() (k keys, err error) {
	if k.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		return k, err
	}
	if k.ecdsa, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return k, err
	}
	if _, k.ed, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return k, err
	}
	if _, k.revoked, err = ed25519.GenerateKey(rand.Reader); err != nil {
		return k, err
	}
	for id, private := range map[string]crypto.Signer{"rsa": k.rsa, "ecdsa": k.ecdsa, "ed": k.ed, "revoked": k.revoked} {
		der, err := x509.MarshalPKIXPublicKey(private.Public())
		if err != nil {
			return k, err
		}
		text := string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
		if id == "rsa" {
			k.publicly = text
		}
		var made any
		if err := a.intruder.do(&made, `mutation($i:RegisterPublicKeyInput!){registerPublicKey(input:$i){publicKey{keyId}}}`, object{"publicKey": text, "keyId": id}); err != nil {
			return k, err
		}
	}
	var gone any
	return k, a.intruder.do(&gone, `mutation($i:RevokePublicKeyInput!){revokePublicKey(input:$i){publicKey{keyId}}}`, object{"keyId": "revoked"})
}

// signed makes a token.
func signed(method jwt.SigningMethod, key any, claims jwt.MapClaims, header ...string) string {
	t := jwt.NewWithClaims(method, claims)
	for i := 0; i < len(header); i += 2 {
		t.Header[header[i]] = header[i+1]
	}
	text, err := t.SignedString(key)
	if err != nil {
		panic(err) // the keys fit
	}
	return text
}

// part is a part of a token written by hand.
func part(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }

// tokens are bad tokens: none opens anything, and all are refused alike, whatever is asked for.
func (a *attack) tokens(ctx context.Context) error {
	k, err := a.newKeys()
	if err != nil {
		return err
	}
	now := time.Now()
	claims := func(change ...any) jwt.MapClaims {
		c := jwt.MapClaims{"iss": a.intruder.ClientID, "exp": now.Add(10 * time.Minute).Unix()}
		for i := 0; i < len(change); i += 2 {
			if c[change[i].(string)] = change[i+1]; change[i+1] == nil {
				delete(c, change[i].(string))
			}
		}
		return c
	}
	ed := func(c jwt.MapClaims, header ...string) string {
		return signed(jwt.SigningMethodEdDSA, k.ed, c, header...)
	}
	good := ed(claims(), "kid", "ed")
	raw := func(header, payload string) string { // signed with the right key, whatever it says
		text := part(header) + "." + part(payload)
		return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.ed, []byte(text)))
	}
	payload := fmt.Sprintf(`{"iss":%q,"exp":%d}`, a.intruder.ClientID, now.Add(10*time.Minute).Unix())
	mac := hmac.New(sha256.New, []byte(k.publicly))
	mac.Write([]byte(part(`{"alg":"HS256","typ":"JWT"}`) + "." + part(payload)))
	confused := part(`{"alg":"HS256","typ":"JWT"}`) + "." + part(payload) + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
	if err := a.expire(ctx); err != nil {
		return err
	}
	erased, err := a.erasedToken()
	if err != nil {
		return err
	}
	opaque := a.intruder.token
	for name, token := range map[string]string{"an opaque token": opaque, "a signed token": good, "by RSA": signed(jwt.SigningMethodRS256, k.rsa, claims()), "by ECDSA": signed(jwt.SigningMethodES256, k.ecdsa, claims(), "kid", "ecdsa")} {
		got, err := a.intruder.as(token).post(strings.NewReader(hello), nil)
		if err != nil {
			return err
		}
		a.check(got.status == 200 && strings.Contains(got.body, `"CUSTOMER"`), "%s is not taken: %d %s", name, got.status, got.body)
	}
	const scheme = "Bearer "
	bad := map[string]string{ // name: value of the header
		"none":                         "",
		"empty":                        scheme,
		"opaque, cut":                  scheme + opaque[:len(opaque)-1],
		"opaque and more":              scheme + opaque + "x",
		"opaque in other letters":      scheme + strings.ToUpper(opaque),
		"opaque, by its hash":          scheme + fmt.Sprintf("%x", sha256.Sum256([]byte(opaque))),
		"opaque, expired":              scheme + "expired-token",
		"of an erased consumer":        scheme + erased,
		"by another scheme":            "Basic " + base64.StdEncoding.EncodeToString([]byte(a.intruder.ClientID+":"+a.intruder.ClientSecret)),
		"without a scheme":             opaque,
		"the client's secret":          scheme + a.intruder.ClientSecret,
		"two in one":                   scheme + opaque + ", " + scheme + opaque,
		"SQL":                          scheme + "' OR '1'='1",
		"a list of nothing":            scheme + "..",
		"no JSON":                      scheme + raw(`{`, payload),
		"alg none":                     scheme + part(`{"alg":"none"}`) + "." + part(payload) + ".",
		"alg NONE with a signature":    scheme + part(`{"alg":"NONE"}`) + "." + part(payload) + "." + strings.Split(good, ".")[2],
		"no alg":                       scheme + raw(`{}`, payload),
		"alg as a list":                scheme + raw(`{"alg":["EdDSA"]}`, payload),
		"HS256 with the public key":    scheme + confused,
		"HS256 with nothing":           scheme + signed(jwt.SigningMethodHS256, []byte{}, claims()),
		"RS384, which is not in use":   scheme + signed(jwt.SigningMethodRS384, k.rsa, claims(), "kid", "rsa"),
		"PS256 with the RSA key":       scheme + signed(jwt.SigningMethodPS256, k.rsa, claims(), "kid", "rsa"),
		"RS512 with a key for RS256":   scheme + signed(jwt.SigningMethodRS512, k.rsa, claims(), "kid", "rsa"),
		"another key's name":           scheme + ed(claims(), "kid", "ecdsa"),
		"a key that was revoked":       scheme + signed(jwt.SigningMethodEdDSA, k.revoked, claims(), "kid", "revoked"),
		"a revoked key without a name": scheme + signed(jwt.SigningMethodEdDSA, k.revoked, claims()),
		"a path as key":                scheme + ed(claims(), "kid", "../../../../dev/null"),
		"SQL as key":                   scheme + ed(claims(), "kid", "x' UNION SELECT 'ed"),
		"NUL in the key":               scheme + ed(claims(), "kid", "ed\x00"),
		"a number as key":              scheme + raw(`{"alg":"EdDSA","kid":1}`, payload),
		"a key of its own":             scheme + raw(`{"alg":"EdDSA","kid":"own","jwk":{"kty":"OKP","crv":"Ed25519","x":"`+base64.RawURLEncoding.EncodeToString(k.ed.Public().(ed25519.PublicKey))+`"}}`, payload),
		"a key from an address":        scheme + ed(claims(), "kid", "x", "jku", "http://127.0.0.1/keys", "x5u", "http://127.0.0.1/key"),
		"a header that is critical":    scheme + raw(`{"alg":"EdDSA","kid":"ed","crit":["b64"],"b64":false}`, payload),
		"another issuer":               scheme + ed(claims("iss", a.bank.ClientID), "kid", "ed"),
		"no issuer":                    scheme + ed(claims("iss", nil), "kid", "ed"),
		"NUL in the issuer":            scheme + ed(claims("iss", a.intruder.ClientID+"\x00"), "kid", "ed"),
		"a list of issuers":            scheme + ed(claims("iss", []string{a.intruder.ClientID}), "kid", "ed"),
		"expired":                      scheme + ed(claims("exp", now.Add(-time.Hour).Unix()), "kid", "ed"),
		"no end":                       scheme + ed(claims("exp", nil), "kid", "ed"),
		"too far an end":               scheme + ed(claims("exp", now.Add(24*time.Hour).Unix()), "kid", "ed"),
		"an end beyond numbers":        scheme + raw(`{"alg":"EdDSA","kid":"ed"}`, `{"iss":"`+a.intruder.ClientID+`","exp":1e300}`),
		"an end beyond floats":         scheme + raw(`{"alg":"EdDSA","kid":"ed"}`, `{"iss":"`+a.intruder.ClientID+`","exp":1e999}`),
		"an end as text":               scheme + ed(claims("exp", "soon"), "kid", "ed"),
		"not before tomorrow":          scheme + ed(claims("nbf", now.Add(24*time.Hour).Unix()), "kid", "ed"),
		"issued tomorrow":              scheme + ed(claims("iat", now.Add(24*time.Hour).Unix()), "kid", "ed"),
		"a consumer of another":        scheme + ed(claims("sub", "CNRY-BANK-person"), "kid", "ed"),
		"an empty consumer":            scheme + ed(claims("sub", ""), "kid", "ed"),
		"null for a consumer":          scheme + raw(`{"alg":"EdDSA","kid":"ed"}`, strings.Replace(payload, "{", `{"sub":null,`, 1)),
		"NUL in the consumer":          scheme + ed(claims("sub", "own-person\x00"), "kid", "ed"),
		"a list of consumers":          scheme + ed(claims("sub", []string{"own-person"}), "kid", "ed"),
		"another payload":              scheme + strings.Join([]string{strings.Split(good, ".")[0], part(strings.Replace(payload, a.intruder.ClientID, a.bank.ClientID, 1)), strings.Split(good, ".")[2]}, "."),
		"no signature":                 scheme + strings.Join(strings.Split(good, ".")[:2], ".") + ".",
		"signed, cut":                  scheme + good[:len(good)-3],
		"signed, four parts":           scheme + good + ".x",
		"signed, padded":               scheme + good + "==",
		"signed, a line feed inside":   scheme + good[:20] + "\t" + good[20:],
		"deep JSON":                    scheme + raw(`{"alg":"EdDSA","kid":"ed","a":`+times("[", 600)+times("]", 600)+`}`, strings.Replace(payload, "exp", "ex", 1)),
		"longer than any":              scheme + ed(claims("x", times("x", 5000)), "kid", "ed"),
		"zeros as a signature (ECDSA)": scheme + part(`{"alg":"ES256","kid":"ecdsa"}`) + "." + part(payload) + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 64)),
	}
	operations := map[string]string{
		"a query":    hello,
		"a mutation": `{"query":"mutation{createConsumer(input:{externalId:\"by-a-bad-token\"}){consumer{id}}}"}`,
		"no GraphQL": `{"query":"{`,
	}
	expired := map[string]bool{"expired": true, "opaque, expired": true, "an end beyond numbers": true}
	for name, value := range bad {
		for operation, body := range operations {
			got, err := a.intruder.as("").post(strings.NewReader(body), func(r *http.Request) {
				r.Header.Set("X-Request-Id", "same")
				if value != "" {
					r.Header.Set("Authorization", value)
				}
			})
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			sentence := "Invalid token in authorization header"
			if expired[name] && strings.Contains(got.body, "expired") {
				sentence = "Token has expired"
			}
			want := `{"errors":[{"message":"` + sentence + `","extensions":{"code":"Y020","requestId":"same"}}]}`
			a.check(got.status == 401 && got.body == want && got.header.Get("WWW-Authenticate") == "Bearer", "token %s, %s: %d %s", name, operation, got.status, got.body)
		}
	}
	got, err := a.intruder.post(strings.NewReader(hello), func(r *http.Request) { r.Header.Add("Authorization", "Bearer "+opaque) })
	a.check(err == nil && got.status == 401, "two headers: %d %s %v", got.status, got.body, err)
	got, err = a.intruder.ask(`{consumer(externalId:"by-a-bad-token"){id}}`, nil)
	a.check(err == nil && strings.Contains(got.body, `"consumer":null`), "a bad token has made a consumer: %s %v", got.body, err)
	return a.tokenEndpoint()
}

// expire puts a token in that has expired.
func (a *attack) expire(ctx context.Context) error {
	hash := sha256.Sum256([]byte("expired-token"))
	_, err := a.server.admin.Exec(ctx, `INSERT INTO tokens (hash, customer_id, expires_at) SELECT $1, id, now() - interval '1 hour' FROM customers WHERE client_id = $2 ON CONFLICT DO NOTHING`, hash[:], a.intruder.ClientID)
	return err
}

// erasedToken is the token of a consumer that was erased after it had been believed once.
func (a *attack) erasedToken() (string, error) {
	var made struct {
		CreateConsumer struct{ Consumer struct{ ID string } }
	}
	if err := a.intruder.do(&made, `mutation($i:CreateConsumerInput!){createConsumer(input:$i){consumer{id}}}`, object{"externalId": "short-lived"}); err != nil {
		return "", err
	}
	token, err := a.intruder.signIn("short-lived")
	if err != nil {
		return "", err
	}
	if got, err := a.intruder.as(token).post(strings.NewReader(hello), nil); err != nil || !strings.Contains(got.body, "CONSUMER") {
		return "", fmt.Errorf("the token of a consumer: %s %v", got.body, err)
	}
	var gone any
	return token, a.intruder.do(&gone, `mutation($i:DeleteConsumerInput!){deleteConsumer(input:$i){deletedConsumerId}}`, object{"consumerId": made.CreateConsumer.Consumer.ID})
}

// tokenEndpoint asks for tokens in hostile ways.
func (a *attack) tokenEndpoint() error {
	login := "client_id=" + a.intruder.ClientID + "&client_secret=" + a.intruder.ClientSecret
	grant := "grant_type=client_credentials&"
	for _, one := range []struct {
		name, media, body string
		status            int
		want              string
	}{
		{"a wrong secret", "", grant + "client_id=" + a.intruder.ClientID + "&client_secret=x", 401, "invalid_client"},
		{"an unknown client", "", grant + "client_id=nobody&client_secret=x", 401, "invalid_client"},
		{"SQL", "", grant + "client_id='+OR+1=1--&client_secret=x", 401, "invalid_client"},
		{"NUL in the client", "", grant + "client_id=%00&client_secret=x", 401, "invalid_client"},
		{"no UTF-8 in the client", "", grant + "client_id=%ff%fe&client_secret=x", 401, "invalid_client"},
		{"a long client", "", grant + "client_id=" + times("x", 15_000) + "&client_secret=x", 401, "invalid_client"},
		{"another's consumer", "", grant + login + "&login_name=CNRY-BANK-person", 400, "invalid_grant"},
		{"NUL in the consumer", "", grant + login + "&login_name=%00", 400, "invalid_grant"},
		{"no UTF-8 in the consumer", "", grant + login + "&login_name=%ff", 400, "invalid_grant"},
		{"an empty consumer", "", grant + login + "&login_name=", 400, "invalid_grant"},
		{"a consumer of spaces", "", grant + login + "&login_name=+", 400, "invalid_grant"},
		{"two consumers", "", grant + login + "&login_name=own-person&login_name=x", 400, "invalid_request"},
		{"a password", "", "grant_type=password&" + login, 400, "unsupported_grant_type"},
		{"JSON", "application/json", `{"grant_type":"client_credentials"}`, 415, "invalid_request"},
		{"a long form", "", grant + login + "&x=" + times("x", 20_000), 413, "invalid_request"},
		{"many fields", "", grant + login + numbered(1500, "&f%="), 200, ""},
		{"a half escape", "", grant + "client_id=%", 400, "invalid_request"},
	} {
		r, err := http.NewRequest("POST", a.server.url+"/auth/token", strings.NewReader(one.body))
		if err != nil {
			return err
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if one.media != "" {
			r.Header.Set("Content-Type", one.media)
		}
		got, err := a.send(r)
		if err != nil {
			return err
		}
		var answer struct{ Error string }
		err = json.Unmarshal([]byte(got.body), &answer)
		a.check(err == nil && got.status == one.status && answer.Error == one.want, "/auth/token, %s: %d %s", one.name, got.status, got.body)
	}
	return nil
}
