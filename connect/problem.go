package connect

import (
	"context"
	"errors"
	"strings"
)

// Category says what went wrong and who can do something about it: a dotted name whose first part is one of USER, BANK,
// CONSENT, NOT_SUPPORTED, MAINTENANCE and TECHNICAL. Later parts may be added; clients go by the parts they know.
type Category string

// The categories.
const (
	UserAborted         Category = "USER.ABORTED"
	UserTimeout         Category = "USER.TIMEOUT"
	UserCredentials     Category = "USER.CREDENTIALS"
	UserBlocked         Category = "USER.BLOCKED"
	UserSecondFactor    Category = "USER.SECOND_FACTOR"
	UserDenied          Category = "USER.ACCESS_DENIED"
	UserAccount         Category = "USER.ACCOUNT"
	UserConfiguration   Category = "USER.CONFIGURATION"
	BankUnavailable     Category = "BANK.UNAVAILABLE"
	BankTimeout         Category = "BANK.TIMEOUT"
	BankExceeded        Category = "BANK.ACCESS_EXCEEDED"
	BankAnswer          Category = "BANK.INVALID_ANSWER"
	ConsentMissing      Category = "CONSENT.MISSING"
	ConsentExpired      Category = "CONSENT.EXPIRED"
	ConsentRevoked      Category = "CONSENT.REVOKED"
	NotSupported        Category = "NOT_SUPPORTED"
	NotSupportedConsent Category = "NOT_SUPPORTED.CONSENT"
	Maintenance         Category = "MAINTENANCE"
	Technical           Category = "TECHNICAL"
)

// Problem is why a bank did not do what was asked. It holds no account data.
type Problem struct{ Category Category }

func (p *Problem) Error() string { return string(p.Category) }

// Is makes a problem.
func Is(c Category) *Problem { return &Problem{c} }

// ProblemOf is the problem that an error of a connector means.
func ProblemOf(err error) *Problem {
	switch p, ok := errors.AsType[*Problem](err); {
	case ok:
		return p
	case errors.Is(err, context.DeadlineExceeded):
		return Is(BankTimeout)
	}
	return Is(Technical)
}

// Name and Message are what the API shows.
func (c Category) Name() string { return string(c) }

// Message is the sentence in English.
func (c Category) Message() string { return c.Sentence("en") }

// Top is the first part.
func (c Category) Top() string { top, _, _ := strings.Cut(string(c), "."); return top }

// Retryable tells whether the consumer may try the same step once more.
func (c Category) Retryable() bool { return c == UserCredentials || c == UserSecondFactor }

// sentences are what a consumer reads, in English and German. A category that is not here has its top's.
var sentences = map[Category][2]string{
	UserAborted:         {"You cancelled the connection.", "Sie haben die Verbindung abgebrochen."},
	UserTimeout:         {"This took too long, so the connection was closed. Please start again.", "Das hat zu lange gedauert, deshalb wurde die Verbindung beendet. Bitte beginnen Sie noch einmal."},
	UserCredentials:     {"The bank did not accept this login. Please check it and try again.", "Die Bank hat diese Anmeldung nicht angenommen. Bitte prüfen Sie Ihre Angaben und versuchen Sie es noch einmal."},
	UserBlocked:         {"Your bank has locked this login. Please contact your bank.", "Ihre Bank hat diesen Zugang gesperrt. Bitte wenden Sie sich an Ihre Bank."},
	UserSecondFactor:    {"The bank did not accept this confirmation code. Please check it and try again.", "Die Bank hat diesen Bestätigungscode nicht angenommen. Bitte prüfen Sie ihn und versuchen Sie es noch einmal."},
	UserDenied:          {"The access was not approved at the bank.", "Der Zugriff wurde bei der Bank nicht freigegeben."},
	UserAccount:         {"There is no account at this bank that may be read.", "Bei dieser Bank gibt es kein Konto, das gelesen werden darf."},
	UserConfiguration:   {"Online access must be set up at your bank first.", "Der Onlinezugang muss bei Ihrer Bank erst eingerichtet werden."},
	"USER":              {"The connection could not be made with what was entered.", "Die Verbindung kam mit den Angaben nicht zustande."},
	BankUnavailable:     {"The bank cannot be reached at the moment. Please try again later.", "Die Bank ist im Moment nicht erreichbar. Bitte versuchen Sie es später noch einmal."},
	BankTimeout:         {"The bank did not answer in time. Please try again later.", "Die Bank hat nicht rechtzeitig geantwortet. Bitte versuchen Sie es später noch einmal."},
	BankExceeded:        {"The bank allows no more accesses without you today.", "Die Bank erlaubt heute keine weiteren Zugriffe ohne Ihr Beisein."},
	BankAnswer:          {"The bank's answer could not be understood.", "Die Antwort der Bank konnte nicht gelesen werden."},
	"BANK":              {"The bank reports an error. Please try again later.", "Die Bank meldet einen Fehler. Bitte versuchen Sie es später noch einmal."},
	ConsentMissing:      {"There is no stored consent. The consumer must link the bank with a stored consent first.", "Es gibt keine gespeicherte Zustimmung. Die Bank muss zuerst mit gespeicherter Zustimmung verbunden werden."},
	ConsentExpired:      {"The stored consent has expired. The consumer must link the bank again.", "Die gespeicherte Zustimmung ist abgelaufen. Die Bank muss neu verbunden werden."},
	ConsentRevoked:      {"The stored consent was revoked. The consumer must link the bank again.", "Die gespeicherte Zustimmung wurde widerrufen. Die Bank muss neu verbunden werden."},
	"CONSENT":           {"The stored consent cannot be used. The consumer must link the bank again.", "Die gespeicherte Zustimmung ist nicht nutzbar. Die Bank muss neu verbunden werden."},
	NotSupported:        {"This bank cannot be linked in this way.", "Diese Bank lässt sich so nicht verbinden."},
	NotSupportedConsent: {"This bank does not support stored consents. Please choose another bank.", "Diese Bank unterstützt keine gespeicherten Zustimmungen. Bitte wählen Sie eine andere Bank."},
	Maintenance:         {"The bank is under maintenance. Please try again later.", "Die Bank wird gerade gewartet. Bitte versuchen Sie es später noch einmal."},
	Technical:           {"Something went wrong on our side. Please try again later.", "Auf unserer Seite ist ein Fehler aufgetreten. Bitte versuchen Sie es später noch einmal."},
}

// Sentence is what a consumer reads, in German for "de" and otherwise in English.
func (c Category) Sentence(language string) string {
	for name := string(c); ; name = name[:strings.LastIndexByte(name, '.')] {
		if both, ok := sentences[Category(name)]; ok {
			if language == "de" {
				return both[1]
			}
			return both[0]
		}
		if !strings.Contains(name, ".") {
			return Technical.Sentence(language)
		}
	}
}
