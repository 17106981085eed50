package store

import (
	"context"
	"slices"

	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/connect"
	"insightgraph/fault"
	"insightgraph/statement"
)

// maxBankCode is the longest word of a bank for the kind of a booking.
const maxBankCode = 50

// How many rows of a file and of an account, with how many bytes of text, are held beside each other, to be compared.
const (
	maxBeside     = 150_000
	maxBesideText = statement.MaxFile
)

// NewStatement says whose statement file it is, as far as that is known.
type NewStatement struct{ Consumer, Account *bank.Ref }

// StatementImport is what became of a statement file.
type StatementImport struct {
	Accounts []bank.Account
	Stored
	Rejected []*statement.Rejected
	Warnings []statement.Warning
}

// ImportStatement stores what a statement file tells, all or nothing. Without an account each of the file's is found among
// the consumer's or made; without a consumer one is made. What is there already, from a file or a bank, is not stored
// again, and what the file lacks stays.
func (t Tenant) ImportStatement(ctx context.Context, n NewStatement, file *statement.File) (r StatementImport, err error) {
	if err := t.customerOnly(); err != nil {
		return r, err
	}
	err = t.change(ctx, "importStatement", nil, func(tx *Tx) error {
		// Between its statements a large file is categorised, which takes its time.
		if _, err := tx.ExecContext(ctx, "SELECT set_config('idle_in_transaction_session_timeout', '180000', true)"); err != nil {
			return err
		}
		i := statementImport{Tx: tx, news: noChanges()}
		i.Rejected, i.Warnings = file.Rejected, file.Warnings
		if err := i.open(ctx, t, n, len(file.Statements) > 0); err != nil {
			return err
		}
		papers, err := i.group(file.Statements)
		if err != nil {
			return err
		}
		for _, p := range papers {
			if err := i.store(ctx, p); err != nil {
				return err
			}
		}
		if err := i.close(ctx, t.customerID); err != nil {
			return err
		}
		r = i.StatementImport
		tx.aboutOf(bank.Ref{}, nil)
		if i.consumer.ID != 0 {
			tx.about(i.consumer.Ref())
		}
		return nil
	}, &r)
	return r, err
}

// statementImport is a statement file on its way into the store.
type statementImport struct {
	*Tx
	StatementImport
	consumer bank.Consumer
	into     *bank.Account  // that was named
	known    []bank.Account // the consumer's
	know     knowledge
	news     changes // in transactions
	changed  bool    // anything held about the consumer
	learned  bool    // an IBAN, by which transfers are told
}

// paper is what a file tells of one account, in all its statements.
type paper struct {
	statement.Account
	closing *statement.Balance
	rows    []bank.Transaction
	unnamed []statement.Warning // where the file does not say of which account it is
}

// open finds or makes the consumer, takes its lock and loads what is known of it.
func (i *statementImport) open(ctx context.Context, t Tenant, n NewStatement, needed bool) error {
	var owner int64
	switch {
	case n.Account != nil:
		var a bank.Account
		if err := i.account(ctx, t, *n.Account, &a); err != nil {
			return err
		}
		if n.Consumer != nil && (n.Consumer.Kind != bank.KindConsumer || n.Consumer.ID != a.ConsumerID) {
			return fault.Unknown("accountId", "Account")
		}
		owner = a.ConsumerID
	case n.Consumer != nil:
		if !t.may(*n.Consumer, bank.KindConsumer) {
			return fault.Unknown("consumerId", "Consumer")
		}
		owner = n.Consumer.ID
	case !needed: // there is nothing to store for it
		return nil
	default:
		c, err := i.createConsumer(ctx, t, NewConsumer{})
		if err != nil {
			return err
		}
		owner = c.ID
	}
	if err := i.Tx.consumer(ctx, t, owner, &i.consumer, "NO KEY UPDATE"); err != nil {
		return err
	}
	if err := i.NewSelect().Model(&i.known).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ?", t.customerID, owner).OrderExpr("id").Scan(ctx); err != nil {
		return err
	}
	for k := range i.known {
		if n.Account != nil && i.known[k].ID == n.Account.ID {
			i.into = &i.known[k]
		}
	}
	if n.Account != nil && i.into == nil {
		return fault.Unknown("accountId", "Account")
	}
	var err error
	i.know, err = i.knowledge(ctx, t.customerID, []int64{owner})
	return err
}

// group puts together what the statements tell of each account, in the order of the file. Into an account that was named
// goes a file of one account.
func (i *statementImport) group(statements []statement.Statement) ([]*paper, error) {
	var papers []*paper
	at := map[string]*paper{}
	for _, s := range statements {
		if s.Account.Currency == "" {
			s.Account.Currency = i.consumer.Currency
			if i.into != nil {
				s.Account.Currency = i.into.Currency
			}
		}
		key := s.Account.ExternalID()
		p := at[key]
		if p == nil {
			p = &paper{Account: s.Account}
			papers, at[key] = append(papers, p), p
		}
		if s.Account.Key() == "" {
			p.unnamed = append(p.unnamed, statement.Warning{File: s.File, Line: s.Line})
		}
		if b := s.Closing; b != nil && b.Currency == p.Currency {
			if b.Date == nil {
				b = &statement.Balance{Money: b.Money, Date: s.To, Interim: b.Interim}
			}
			if b.Date != nil && (p.closing == nil || *b.Date > *p.closing.Date || *b.Date == *p.closing.Date && (p.closing.Interim || !b.Interim)) {
				p.closing = b
			}
		}
		p.rows = slices.Grow(p.rows, len(s.Entries))
		for _, e := range s.Entries {
			p.rows = append(p.rows, e.Bank())
		}
	}
	if i.into == nil {
		return papers, nil
	}
	for _, p := range papers {
		switch {
		case len(papers) > 1:
			return nil, fault.New(fault.NotAllowed, "accountId", "The file holds %d accounts; leave accountId out", len(papers))
		case p.Currency != i.into.Currency:
			return nil, fault.New(fault.NotAllowed, "accountId", "The file's account is in %s, this account in %s", p.Currency, i.into.Currency)
		case p.IBAN != "" && i.into.IBAN != nil && p.IBAN != *i.into.IBAN:
			return nil, fault.New(fault.NotAllowed, "accountId", "The file is of an account with another IBAN")
		}
	}
	return papers, nil
}

// store writes what the file tells of an account.
func (i *statementImport) store(ctx context.Context, p *paper) error {
	a, err := i.place(ctx, p)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(i.Accounts, func(b bank.Account) bool { return b.ID == a.ID }) {
		i.Accounts = append(i.Accounts, a)
	}
	if len(p.rows) == 0 {
		return nil
	}
	stored, err := i.stored(ctx, a, p.rows)
	if err != nil {
		return err
	}
	rename, rows := connect.Merge(stored, p.rows)
	if len(rename) > 0 {
		var ids []int64
		var called []string
		for id, name := range rename {
			ids, called = append(ids, id), append(called, name)
		}
		if _, err := i.ExecContext(ctx, `UPDATE transactions t SET external_id = u.name, changed_at = ? FROM unnest(?::bigint[], ?::text[]) AS u(id, name)
			WHERE t.customer_id = (SELECT ?::bigint) AND t.consumer_id = ? AND t.id = u.id`, i.now, pgdialect.Array(ids), pgdialect.Array(called), a.CustomerID, a.ConsumerID); err != nil {
			return err
		}
	}
	i.Unchanged += len(p.rows)
	p.rows = nil
	if rows, err = prepare(a, rows, i.know); err != nil {
		return err
	}
	for part := range chunks(rows) {
		s, err := i.putTransactions(ctx, a.CustomerID, part, nil)
		if err != nil {
			return err
		}
		i.Created, i.Updated, i.Unchanged = i.Created+s.Created, i.Updated+s.Updated, i.Unchanged-s.Created-s.Updated
		i.news, i.changed = i.news.and(s.changed), i.changed || s.consumers != nil
	}
	return nil
}

// place finds or makes the account, and keeps what the file tells of it: an IBAN that was not known, and a balance that is
// newer than the known one, or of the end of its day.
func (i *statementImport) place(ctx context.Context, p *paper) (bank.Account, error) {
	a := i.into
	if a == nil {
		odd := "The file names no account, so one was made for it; give accountId where it is one that is known"
		if at := p.Find(i.known); at >= 0 {
			a = &i.known[at]
			odd = "The file names no account and went into the one that a file like it made; give accountId where it is another"
		}
		for _, w := range p.unnamed {
			w.Message = odd
			i.Warnings = append(i.Warnings, w)
		}
	}
	if a == nil {
		fresh := p.Bank()
		fresh.CustomerID, fresh.ConsumerID, fresh.CreatedAt = i.consumer.CustomerID, i.consumer.ID, i.now
		if p.closing != nil {
			asOf := p.closing.Date.Time()
			fresh.Balance, fresh.BalanceAsOf = &p.closing.Amount, &asOf
		}
		if err := fresh.Check().Err(); err != nil {
			return fresh, err
		}
		_, err := i.NewInsert().Model(&fresh).Returning("id").Exec(ctx)
		i.known, i.changed = append(i.known, fresh), true
		return fresh, err
	}
	news := false
	another := func(k bank.Account) bool { return k.IBAN != nil && *k.IBAN == p.IBAN && k.Currency == p.Currency }
	if a.IBAN == nil && p.IBAN != "" && !slices.ContainsFunc(i.known, another) {
		a.IBAN, i.learned, news = &p.IBAN, true, true
	}
	if p.closing != nil {
		known := a.CreatedAt // a balance without a moment was told with the account
		if a.BalanceAsOf != nil {
			known = *a.BalanceAsOf
		}
		asOf, b := p.closing.Date.Time(), p.closing
		if a.Balance == nil || asOf.After(known) || asOf.Equal(known) && !b.Interim && a.Balance.Cmp(b.Amount) != 0 {
			a.Balance, a.BalanceAsOf, news = &b.Amount, &asOf, true
		}
	}
	if !news {
		return *a, nil
	}
	i.changed = true
	_, err := i.NewUpdate().Model(a).Column("iban", "balance", "balance_as_of").Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", a.CustomerID, a.ConsumerID, a.ID).Exec(ctx)
	return *a, err
}

// stored are the account's rows that those of a file could be.
func (i *statementImport) stored(ctx context.Context, a bank.Account, rows []bank.Transaction) (all []bank.Transaction, err error) {
	days := bank.Period{From: rows[0].BookingDate, To: rows[0].BookingDate}
	text := 0
	hold := func(some []bank.Transaction) {
		for _, x := range some {
			text += len(x.Description)
			if x.CounterpartyName != nil {
				text += len(*x.CounterpartyName)
			}
		}
	}
	hold(rows)
	for _, x := range rows {
		days.From, days.To = min(days.From, x.BookingDate), max(days.To, x.BookingDate)
	}
	for last := (bank.Transaction{BookingDate: days.From - around}); ; last = all[len(all)-1] {
		var page []bank.Transaction
		if err := i.NewSelect().Model(&page).Column("id", "external_id", "base_type", "amount", "booking_date", "status", "description", "counterparty_name", "counterparty_iban").
			Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND account_id = ?", a.CustomerID, a.ConsumerID, a.ID).
			Where("(booking_date, id) > (?, ?) AND booking_date <= ?", last.BookingDate, last.ID, days.To+around).
			OrderExpr("booking_date, id").Limit(pageRows).Scan(ctx); err != nil {
			return nil, err
		}
		hold(page)
		if all = append(all, page...); len(page) > 0 && (len(all)+len(rows) > maxBeside || text > maxBesideText) {
			return nil, fault.New(fault.NotAllowed, "file", "The account has too many transactions on the days of the file; send the file in parts of fewer days")
		}
		if len(page) < pageRows {
			return all, nil
		}
	}
}

// close matches transfers and marks the consumer as changed.
func (i *statementImport) close(ctx context.Context, customerID int64) error {
	if !i.changed {
		return nil
	}
	if err := i.touch(ctx, customerID, []int64{i.consumer.ID}); err != nil {
		return err
	}
	switch {
	case i.learned:
		return i.matchTransfers(ctx, customerID, []int64{i.consumer.ID}, nil)
	case len(i.news.amounts) > 0:
		return i.matchTransfers(ctx, customerID, []int64{i.consumer.ID}, &i.news)
	}
	return nil
}
