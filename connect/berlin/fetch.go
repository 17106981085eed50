package berlin

import (
	"context"
	"net/url"
	"slices"
	"time"

	"insightgraph/bank"
	"insightgraph/connect"
)

// listed is an account with what it takes to read it.
type listed struct {
	connect.Account
	card     bool
	positive bool // of a card: debits are told as positive amounts
}

// history is how far back banks go without a fresh authorisation.
const history = 90

// Fetch reads accounts. Their order is that of the request; those that the bank does not tell any more are left out.
func (c *Connector) Fetch(ctx context.Context, in connect.Fetch) (data connect.Data, err error) {
	i, err := c.find(in.Bank)
	if err != nil {
		return data, err
	}
	s, err := unpack(in.Secret)
	if err != nil {
		return data, err
	}
	from := sender{psu: in.PSU, consent: s.Consent}
	var all []listed
	if s.Once {
		for _, a := range s.Accounts {
			positive, card := s.Cards[a.ID]
			all = append(all, listed{a, card, positive})
		}
	} else if all, err = i.accounts(ctx, from, in.Accounts); err != nil {
		return data, i.why(ctx, from, err)
	}
	for _, id := range in.Accounts {
		n := slices.IndexFunc(all, func(l listed) bool { return l.ID == id })
		if n < 0 {
			continue
		}
		there, err := i.read(ctx, from, &all[n], in.Days, bank.DateOf(in.Now, time.UTC))
		if err != nil {
			return connect.Data{}, i.why(ctx, from, err)
		}
		if there {
			data.Accounts = append(data.Accounts, all[n].Account)
		}
	}
	return data, nil
}

// why is what an error of reading means. Whether a consent was revoked, has expired or does not reach an account, banks
// tell by one code; the consent's status says which.
func (i *institute) why(ctx context.Context, from sender, err error) error {
	r, ok := err.(*refusal)
	if !ok {
		return err
	}
	category := r.category(atData)
	if category != connect.ConsentRevoked || r.has("CONSENT_UNKNOWN") {
		return connect.Is(category)
	}
	var p process
	if err := i.call(ctx, "GET", i.at("consents", from.consent, "status"), sender{psu: from.psu}, nil, &p); err != nil {
		return connect.Is(category)
	}
	switch p.ConsentStatus {
	case "expired":
		return connect.Is(connect.ConsentExpired)
	case "valid":
		return connect.Is(connect.UserAccount)
	}
	return connect.Is(category)
}

// accounts lists what a consent reaches. The balances of an account may be at a link of their own: it is followed for the
// wanted accounts only; nil: for all.
func (i *institute) accounts(ctx context.Context, from sender, wanted []string) (all []listed, err error) {
	var answer struct {
		Accounts []account `json:"accounts"`
	}
	if err := i.call(ctx, "GET", i.at("accounts")+"?withBalance=true", from, nil, &answer); err != nil {
		return nil, err
	}
	var cards struct {
		Accounts []account `json:"cardAccounts"`
	}
	if i.CardAccounts {
		if err := i.call(ctx, "GET", i.at("card-accounts"), from, nil, &cards); err != nil {
			return nil, err
		}
	}
	if answer.Accounts == nil || i.CardAccounts && cards.Accounts == nil {
		return nil, connect.Is(connect.BankAnswer)
	}
	for n, a := range slices.Concat(answer.Accounts, cards.Accounts) {
		card := n >= len(answer.Accounts)
		mapped, ok, err := a.read(i.Name, card)
		if err != nil {
			return nil, err
		}
		if !ok || slices.ContainsFunc(all, func(l listed) bool { return l.ID == mapped.ID }) {
			continue
		}
		l := listed{mapped, card, card && a.Positive}
		if href := a.Links["balances"].Href; len(a.Balances) == 0 && href != "" && (wanted == nil || slices.Contains(wanted, l.ID)) {
			if err := i.balances(ctx, from, href, &l); err != nil {
				return nil, err
			}
		}
		all = append(all, l)
	}
	return all, nil
}

func (i *institute) balances(ctx context.Context, from sender, href string, l *listed) error {
	link, err := i.link(href)
	if err != nil {
		return err
	}
	var answer struct {
		Balances []balance `json:"balances"`
	}
	if err := i.call(ctx, "GET", link, from, nil, &answer); err != nil {
		return err
	}
	return l.take(answer.Balances, l.positive)
}

// report is one page of transactions, of an account or a card account.
type report struct {
	Transactions *rows     `json:"transactions"`
	Cards        *rows     `json:"cardTransactions"`
	Positive     bool      `json:"debitAccounting"`
	Balances     []balance `json:"balances"`
	Links        links     `json:"_links"`
}

type rows struct {
	Booked  []transaction `json:"booked"`
	Pending []transaction `json:"pending"`
	Links   links         `json:"_links"`
}

// read fills in an account's transactions; there is false where the bank does not know the account any more. A bank that
// does not go back so far is asked once more for 90 days, one without pending transactions for the booked ones.
func (i *institute) read(ctx context.Context, from sender, l *listed, days bank.Period, today bank.Date) (there bool, err error) {
	kind := "accounts"
	if l.card {
		kind = "card-accounts"
	}
	if i.HistoryDays != nil {
		days.From = max(days.From, today-bank.Date(*i.HistoryDays)+1)
		l.From = days.From
	}
	if days.To = min(days.To, today); days.To < days.From {
		return true, nil
	}
	status := "both"
	var page report
	for {
		q := url.Values{"dateFrom": {days.From.String()}, "dateTo": {days.To.String()}, "bookingStatus": {status}}
		page = report{}
		err := i.call(ctx, "GET", i.at(kind, l.ID, "transactions")+"?"+q.Encode(), from, nil, &page)
		if err == nil {
			break
		}
		r, ok := err.(*refusal)
		switch short := today - history + 1; {
		case ok && r.has("PERIOD_INVALID") && days.To < short:
			l.From = short
			return true, nil
		case ok && r.has("PERIOD_INVALID") && days.From < short:
			days.From, l.From = short, short
		case ok && status == "both" && r.has("PARAMETER_NOT_SUPPORTED", "SERVICE_INVALID"):
			status = "booked"
		case ok && (r.has("RESOURCE_UNKNOWN") || r.status == 404 && len(r.codes) == 0):
			return false, nil
		default:
			return false, err
		}
	}
	if err := i.pages(ctx, from, l, page, today); err != nil {
		return false, err
	}
	connect.Identify(l.Transactions)
	return true, nil
}

// pages takes over a page and those that follow it.
func (i *institute) pages(ctx context.Context, from sender, l *listed, page report, today bank.Date) error {
	seen := map[string]bool{}
	for n := 1; ; n++ {
		if l.Balance == nil {
			if err := l.take(page.Balances, l.card && (l.positive || page.Positive)); err != nil {
				return err
			}
		}
		part := page.Transactions
		if l.card {
			part = page.Cards
		}
		if part == nil { // they may be somewhere else to download, in another form
			return connect.Is(connect.BankAnswer)
		}
		taken, err := part.read(l.Account, l.card && (l.positive || page.Positive), today)
		if err != nil {
			return err
		}
		l.Transactions = append(l.Transactions, taken...)
		href := part.Links["next"].Href
		if href == "" {
			href = page.Links["next"].Href
		}
		if href == "" {
			return nil
		}
		link, err := i.link(href)
		if err != nil {
			return err
		}
		if seen[link] || n == maxPages {
			return connect.Is(connect.BankAnswer)
		}
		seen[link], page = true, report{}
		if err := i.call(ctx, "GET", link, from, nil, &page); err != nil {
			return err
		}
	}
}
