package app

import (
	"strings"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/store"
)

// view is all that the page knows of its flow.
type view struct {
	Version      int                  `json:"version"`
	State        connect.State        `json:"state"`
	Stage        connect.Stage        `json:"stage"`
	Language     string               `json:"language"`
	Customer     string               `json:"customer"`
	Origins      []string             `json:"origins"`
	Bank         *connect.Bank        `json:"bank"`
	SelectedBank *connect.Bank        `json:"selectedBank"`
	Step         *stepView            `json:"step"`
	Accounts     []accountView        `json:"accounts"`
	StoreConsent connect.StoreConsent `json:"storeConsent"`
	Storing      bool                 `json:"storing"`
	ConsentDays  int                  `json:"consentDays"`
	Days         bank.Period          `json:"days"`
	Problem      *problemView         `json:"problem"`
	Slow         bool                 `json:"slow"`
	Sandbox      bool                 `json:"sandbox"`
	ExpiresAt    time.Time            `json:"expiresAt"`
	Now          time.Time            `json:"now"`
	ReturnURL    *string              `json:"returnUrl"`
}

type stepView struct {
	Kind   connect.StepKind `json:"kind"`
	Fields []connect.Field  `json:"fields"`
	Note   string           `json:"note"`
	URL    string           `json:"url"`   // the bank's page
	Leave  string           `json:"leave"` // our address that leads there
}

type accountView struct {
	ID        string         `json:"id"`
	Name      string         `json:"name"`
	IBAN      string         `json:"iban"`
	Container bank.Container `json:"container"`
	Currency  bank.Currency  `json:"currency"`
	Balance   *string        `json:"balance"`
}

type problemView struct {
	Category connect.Category `json:"category"`
	Message  string           `json:"message"`
}

// slowAfter is when the page says that the bank takes its time.
const slowAfter = 5 * time.Second

func (a *App) view(frame store.Frame, language string) (view, error) {
	f, s, now := frame.Flow, frame.Session, a.Store.Now()
	v := view{Version: f.Version, State: f.State, Stage: f.Stage, Language: s.Language, Customer: frame.Customer.Name, Origins: a.origins(frame),
		StoreConsent: f.StoreConsent, Storing: f.Storing, ConsentDays: s.LifetimeDays, Days: f.Scope.Period(bank.DateOf(now, time.UTC)),
		ExpiresAt: f.ExpiresAt, Now: now, ReturnURL: s.RedirectReturnURL}
	if f.BankCode != nil {
		v.Bank = a.bank(*f.BankCode)
		v.Sandbox = strings.HasPrefix(*f.BankCode, "sandbox")
	}
	if s.BankCode != nil {
		v.SelectedBank = a.bank(*s.BankCode)
	}
	if f.Problem != nil {
		v.Problem = &problemView{*f.Problem, f.Problem.Sentence(language)}
	}
	if f.State == connect.Processing && f.WorkingUntil != nil {
		v.Slow = f.WorkingUntil.Sub(now) < a.timeout()+grace-slowAfter
	}
	if f.State != connect.InputNeeded {
		return v, nil
	}
	dialog, err := a.open(f)
	if err != nil {
		return v, err
	}
	switch f.Stage {
	case connect.AtLogin:
		v.Step = &stepView{Kind: dialog.Step.Kind, Fields: dialog.Step.Fields, Note: dialog.Step.Note, URL: dialog.Step.URL}
		if dialog.Step.Kind == connect.Redirect {
			v.Step.Leave = a.URL + "/connect/leave?state=" + f.Handle + "." + mark("leave", dialog.Nonce)
		}
	case connect.AtAccounts:
		for _, x := range dialog.Accounts {
			one := accountView{x.ID, x.Name, masked(x.IBAN), x.Container, x.Currency, nil}
			if x.Balance != nil {
				text := x.Balance.String()
				one.Balance = &text
			}
			v.Accounts = append(v.Accounts, one)
		}
	}
	return v, nil
}

func (a *App) bank(code string) *connect.Bank {
	if b, ok := a.Directory.Bank(code); ok {
		return &b
	}
	return &connect.Bank{Code: code, Name: code}
}

// masked shows of an IBAN what tells a person which account it is.
func masked(iban string) string {
	if len(iban) < 8 {
		return ""
	}
	return iban[:2] + "•• •••• " + iban[len(iban)-4:]
}
