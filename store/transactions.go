package store

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/fault"
	"insightgraph/page"
)

// Transaction finds one transaction.
func (t Tenant) Transaction(ctx context.Context, ref bank.Ref) (x bank.Transaction, err error) {
	err = t.in(ctx, func(tx *Tx) error { return tx.transaction(ctx, t, ref, &x) })
	return x, err
}

func (tx *Tx) transaction(ctx context.Context, t Tenant, ref bank.Ref, x *bank.Transaction) error {
	if !t.may(ref, bank.KindTransaction) {
		return fault.Unknown("transactionId", "Transaction")
	}
	*x = bank.Transaction{}
	err := tx.NewSelect().Model(x).Where("customer_id = ? AND consumer_id = ? AND id = ?", t.customerID, ref.ConsumerID, ref.ID).Scan(ctx)
	return notFound(err, "transactionId", "Transaction")
}

// TransactionsByRef finds many transactions; unknown ones are left out.
func (t Tenant) TransactionsByRef(ctx context.Context, refs []bank.Ref) (map[bank.Ref]bank.Transaction, error) {
	consumers, ids := t.keys(refs, bank.KindTransaction)
	var rows []bank.Transaction
	err := t.in(ctx, func(tx *Tx) error {
		return tx.NewSelect().Model(&rows).Where("customer_id = ?", t.customerID).Where("(consumer_id, id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))",
			pgdialect.Array(consumers), pgdialect.Array(ids)).Scan(ctx)
	})
	found := make(map[bank.Ref]bank.Transaction, len(rows))
	for _, x := range rows {
		found[x.Ref()] = x
	}
	return found, err
}

var transactionOrder = order{column: "transaction.booking_date", kind: "date", id: "transaction.id"}

func transactionCursor(x bank.Transaction) page.Cursor {
	return page.Cursor{Key: x.BookingDate.String(), ID: x.ID}
}

// matching narrows a query on transactions by a filter.
func (t Tenant) matching(f bank.TransactionFilter) func(*bun.SelectQuery) *bun.SelectQuery {
	return func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where("transaction.customer_id = ?", t.customerID).Apply(t.own("transaction.consumer_id"))
		if f.ConsumerIDs != nil {
			q = q.Where("transaction.consumer_id = ANY(?::bigint[])", pgdialect.Array(t.numbers(f.ConsumerIDs, bank.KindConsumer)))
		}
		if f.AccountIDs != nil {
			consumers, ids := t.keys(f.AccountIDs, bank.KindAccount)
			q = q.Where("(transaction.consumer_id, transaction.account_id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[]))", pgdialect.Array(consumers), pgdialect.Array(ids))
		}
		if f.From != nil {
			q = q.Where("transaction.booking_date >= ?", *f.From)
		}
		if f.To != nil {
			q = q.Where("transaction.booking_date <= ?", *f.To)
		}
		if f.BaseType != nil {
			q = q.Where("transaction.base_type = ?", *f.BaseType)
		}
		if f.Status != nil {
			q = q.Where("transaction.status = ?", *f.Status)
		}
		if f.CategoryIDs != nil {
			ids := []int{}
			for _, n := range t.numbers(f.CategoryIDs, bank.KindCategory) {
				ids = append(ids, category.Under(int(n))...)
			}
			q = q.Where("transaction.category_id = ANY(?::int[])", pgdialect.Array(ids))
		}
		if f.Text != nil {
			pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(*f.Text) + "%"
			q = q.Where("(transaction.description ILIKE ?0 OR transaction.counterparty_name ILIKE ?0 OR transaction.merchant_name ILIKE ?0)", pattern)
		}
		if f.MinAmount != nil {
			q = q.Where("transaction.amount >= (?)::numeric", *f.MinAmount)
		}
		if f.MaxAmount != nil {
			q = q.Where("transaction.amount <= (?)::numeric", *f.MaxAmount)
		}
		if f.Transfers != nil {
			q = q.Where("(transaction.transfer_id IS NOT NULL) = ?", *f.Transfers)
		}
		if f.Party != nil {
			q = q.Where(party+" = ?", *f.Party)
		}
		return q
	}
}

// Transactions lists transactions by booking date, the newest first.
func (t Tenant) Transactions(ctx context.Context, f bank.TransactionFilter, a page.Args) (*page.Of[bank.Transaction], error) {
	var rows []bank.Transaction
	err := t.in(ctx, func(tx *Tx) error {
		return transactionOrder.cut(tx.NewSelect().Model(&rows).Apply(t.matching(f)), a).Scan(ctx)
	})
	total := func(ctx context.Context) (n int, err error) {
		err = t.in(ctx, func(tx *Tx) (err error) {
			n, err = tx.count(tx.NewSelect().Model((*bank.Transaction)(nil)).Apply(t.matching(f)), ctx)
			return err
		})
		return n, err
	}
	return page.New(a, rows, transactionCursor, total), err
}

// TransactionsOfAccounts lists transactions of many accounts, one page each, in one statement.
func (t Tenant) TransactionsOfAccounts(ctx context.Context, accounts []bank.Ref, f bank.TransactionFilter, a page.Args) ([]*page.Of[bank.Transaction], error) {
	consumers, ids := make([]int64, len(accounts)), make([]int64, len(accounts))
	for i, ref := range accounts {
		consumers[i], ids[i] = ref.ConsumerID, ref.ID
	}
	return t.transactionsOf(ctx, len(accounts), "unnest(?::bigint[], ?::bigint[]) WITH ORDINALITY AS p(consumer_id, account_id, n)",
		[]any{pgdialect.Array(consumers), pgdialect.Array(ids)},
		"transaction.consumer_id = p.consumer_id AND transaction.account_id = p.account_id", f, a)
}

// TransactionsOfConsumers lists transactions of many consumers, one page each, in one statement.
func (t Tenant) TransactionsOfConsumers(ctx context.Context, consumerIDs []int64, f bank.TransactionFilter, a page.Args) ([]*page.Of[bank.Transaction], error) {
	return t.transactionsOf(ctx, len(consumerIDs), "unnest(?::bigint[]) WITH ORDINALITY AS p(consumer_id, n)",
		[]any{pgdialect.Array(consumerIDs)}, "transaction.consumer_id = p.consumer_id", f, a)
}

func (t Tenant) transactionsOf(ctx context.Context, n int, parents string, args []any, where string, f bank.TransactionFilter, a page.Args) ([]*page.Of[bank.Transaction], error) {
	if err := transactionOrder.check(a); err != nil {
		return nil, err
	}
	var rows []struct {
		N                int
		bank.Transaction `bun:",extend"`
	}
	err := t.in(ctx, func(tx *Tx) error {
		inner := transactionOrder.cut(tx.NewSelect().Model((*bank.Transaction)(nil)).Where(where).Apply(t.matching(f)), a)
		return tx.NewSelect().ColumnExpr("p.n, x.*").TableExpr(parents, args...).Join("CROSS JOIN LATERAL (?) AS x", inner).
			Apply(transactionOrder.outside(a)).Scan(ctx, &rows)
	})
	if err != nil {
		return nil, err
	}
	total := counts(func(ctx context.Context) (map[int]int, error) {
		return t.countEach(ctx, parents, args, func(tx *Tx) *bun.SelectQuery {
			return tx.NewSelect().Model((*bank.Transaction)(nil)).Where(where).Apply(t.matching(f))
		})
	})
	parts := make([][]bank.Transaction, n)
	for _, r := range rows {
		parts[r.N-1] = append(parts[r.N-1], r.Transaction)
	}
	return pages(a, parts, transactionCursor, total), nil
}

// MaxRows bounds one call of CreateTransactions.
const MaxRows = 1000

// Stored counts what became of the rows of one call.
type Stored struct{ Created, Updated, Unchanged int }

// CreateTransactions puts rows into an account, all or none. A known external id is updated or left as it is.
func (t Tenant) CreateTransactions(ctx context.Context, account bank.Ref, rows []bank.Transaction, key *string) (s Stored, a bank.Account, err error) {
	switch {
	case len(rows) == 0:
		return s, a, fault.Missing("transactions")
	case len(rows) > MaxRows:
		return s, a, fault.New(fault.TooMany, "transactions", "At most %d transactions are allowed in one request", MaxRows)
	}
	err = t.in(ctx, func(tx *Tx) error {
		s = Stored{}
		if err := tx.account(ctx, t, account, &a); err != nil {
			return fault.Beside(err, withoutAccount(rows))
		}
		return tx.idempotent(ctx, t, "createTransactions", key, []any{account, rows}, &s, func() (err error) {
			if err := tx.lockConsumers(ctx, t.customerID, []int64{a.ConsumerID}); err != nil {
				return err
			}
			if err := tx.account(ctx, t, account, &a); err != nil { // as it is under the lock
				return err
			}
			k, err := tx.knowledge(ctx, t.customerID, []int64{a.ConsumerID})
			if err != nil {
				return err
			}
			checked, err := prepare(a, rows, k)
			if err != nil {
				return err
			}
			s, err = tx.storeTransactions(ctx, a, checked)
			s.Unchanged += len(rows) - len(checked) // equal rows, once more
			if err != nil || s.Created+s.Updated == 0 {
				return err // a delivery without news gives no insight another try
			}
			return tx.touch(ctx, t.customerID, []int64{a.ConsumerID})
		})
	})
	if err != nil {
		s = Stored{}
	}
	return s, a, err
}

// prepare checks and categorises rows of an account, all faults at once. Rows with an external id come sorted by it and
// once each, as conflict handling wants them; two different rows under one id are a fault.
func prepare(a bank.Account, rows []bank.Transaction, k knowledge) ([]bank.Transaction, error) {
	var faults fault.Many
	out := make([]bank.Transaction, 0, len(rows))
	seen := make(map[string]int, len(rows))
	for i, x := range rows {
		path := bank.Path("transactions", i)
		found := x.Check(path, a.Currency)
		faults = append(faults, found...)
		if _, ok := category.ByID(x.CategoryID); !ok && x.CategoryID != 0 {
			faults.Add(fault.Unknown(path+".categoryId", "Category"))
		}
		k.categorise(&x, a.ConsumerID, a.IBAN)
		x.CustomerID, x.ConsumerID, x.AccountID = a.CustomerID, a.ConsumerID, a.ID
		if x.ExternalID != nil {
			if j, twice := seen[*x.ExternalID]; twice {
				if !same(out[j], x) {
					faults.Add(fault.New(fault.NotAllowed, path+".externalId", "The same externalId is given twice with different values"))
				}
				continue
			}
			seen[*x.ExternalID] = len(out)
		}
		out = append(out, x)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	sortByExternalID(out)
	return out, nil
}

// withoutAccount are the faults of rows whose account is not known, so that each may have its own currency.
func withoutAccount(rows []bank.Transaction) (faults fault.Many) {
	for i, x := range rows {
		path := bank.Path("transactions", i)
		faults = append(faults, x.Check(path, x.Currency)...)
		if _, ok := category.ByID(x.CategoryID); !ok && x.CategoryID != 0 {
			faults.Add(fault.Unknown(path+".categoryId", "Category"))
		}
	}
	return faults
}

// storeTransactions writes prepared rows of one account whose consumer's lock is held.
func (tx *Tx) storeTransactions(ctx context.Context, a bank.Account, rows []bank.Transaction) (Stored, error) {
	s, days, err := tx.putTransactions(ctx, a, rows, nil)
	if err != nil || s.Created+s.Updated == 0 {
		return s, err
	}
	return s, tx.matchTransfers(ctx, a.CustomerID, []int64{a.ConsumerID}, &days)
}

// putTransactions is storeTransactions without transfers, which are to be matched on the days. Rows that are new are
// erased at a moment, where one is given.
func (tx *Tx) putTransactions(ctx context.Context, a bank.Account, rows []bank.Transaction, eraseAt *time.Time) (s Stored, days bank.Period, err error) {
	n := len(rows)
	externalIDs, baseTypes, amounts, bookingDates := make([]*string, n), make([]string, n), make([]string, n), make([]string, n)
	valueDates, statuses, descriptions := make([]*string, n), make([]string, n), make([]string, n)
	names, ibans, mccs, bankCodes, parts := make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n), make([]*string, n)
	categories, sources, rules, confidences, merchants := make([]int, n), make([]string, n), make([]string, n), make([]int, n), make([]*string, n)
	days = bank.Period{From: rows[0].BookingDate, To: rows[0].BookingDate}
	for i, x := range rows {
		externalIDs[i], baseTypes[i], amounts[i], bookingDates[i] = x.ExternalID, string(x.BaseType), x.Amount.String(), x.BookingDate.String()
		if x.ValueDate != nil {
			d := x.ValueDate.String()
			valueDates[i] = &d
		}
		statuses[i], descriptions[i], names[i], ibans[i], mccs[i], bankCodes[i] = string(x.Status), x.Description, x.CounterpartyName, x.CounterpartyIBAN, x.MCC, x.BankCode
		if parts[i], err = partsText(x); err != nil {
			return s, days, err
		}
		categories[i], sources[i], rules[i], confidences[i], merchants[i] = x.CategoryID, string(x.CategorySource), x.CategoryRule, x.CategoryConfidence, x.MerchantName
		days.From, days.To = min(days.From, x.BookingDate), max(days.To, x.BookingDate)
	}
	result, err := tx.pg.Query(ctx, `INSERT INTO transactions AS t (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date,
			value_date, status, description, counterparty_name, counterparty_iban, mcc, bank_code, parts,
			category_id, category_source, category_rule, category_confidence, merchant_name, created_at, changed_at, erase_at)
		SELECT $1::bigint, $2::bigint, $3::bigint, external_id, base_type, amount::numeric, $4::text, booking_date::date,
			value_date::date, status, description, name, iban, mcc, bank_code, parts::jsonb,
			category_id, category_source, category_rule, category_confidence, merchant_name, $5::timestamptz, $5::timestamptz, $6::timestamptz
		FROM unnest($7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[],
				$17::text[], $18::text[], $19::int[], $20::text[], $21::text[], $22::int[], $23::text[])
			AS u(external_id, base_type, amount, booking_date, value_date, status, description, name, iban, mcc, bank_code, parts,
				category_id, category_source, category_rule, category_confidence, merchant_name)
		`+onConflict+` RETURNING xmax = 0`,
		a.CustomerID, a.ConsumerID, a.ID, string(a.Currency), tx.now, eraseAt, externalIDs, baseTypes, amounts, bookingDates, valueDates, statuses, descriptions,
		names, ibans, mccs, bankCodes, parts, categories, sources, rules, confidences, merchants)
	if err != nil {
		return s, days, err
	}
	for result.Next() {
		var created bool
		if err := result.Scan(&created); err != nil {
			return s, days, err
		}
		if created {
			s.Created++
		} else {
			s.Updated++
		}
	}
	if err := result.Err(); err != nil {
		return s, days, err
	}
	s.Unchanged = n - s.Created - s.Updated
	return s, days, nil
}

// partsText is how the parts of a transaction are stored, nil for none.
func partsText(x bank.Transaction) (*string, error) {
	if len(x.Parts) == 0 {
		return nil, nil
	}
	b, err := json.Marshal(x.Parts)
	if err != nil {
		return nil, err
	}
	text := string(b)
	return &text, nil
}

// stays tells whether a known row keeps its category: a person's, and one that would only change because of a correction
// of another transaction, for corrections are for what comes later.
const stays = `(t.category_source = 'USER' OR excluded.category_source = 'USER' AND (t.base_type, t.description, t.counterparty_name, t.counterparty_iban)
	IS NOT DISTINCT FROM (excluded.base_type, excluded.description, excluded.counterparty_name, excluded.counterparty_iban))`

// onConflict updates a known row where something differs. A transfer stays unless what it rests on has changed.
const onConflict = `ON CONFLICT (customer_id, consumer_id, account_id, external_id) DO UPDATE SET
		base_type = excluded.base_type, amount = excluded.amount, booking_date = excluded.booking_date, value_date = excluded.value_date,
		status = excluded.status, description = excluded.description, counterparty_name = excluded.counterparty_name,
		counterparty_iban = excluded.counterparty_iban, mcc = excluded.mcc, bank_code = excluded.bank_code, parts = excluded.parts,
		merchant_name = excluded.merchant_name, changed_at = excluded.changed_at,
		category_id = CASE WHEN ` + stays + ` THEN t.category_id ELSE excluded.category_id END,
		category_source = CASE WHEN ` + stays + ` THEN t.category_source ELSE excluded.category_source END,
		category_rule = CASE WHEN ` + stays + ` THEN t.category_rule ELSE excluded.category_rule END,
		category_confidence = CASE WHEN ` + stays + ` THEN t.category_confidence ELSE excluded.category_confidence END,
		transfer_id = CASE WHEN (t.base_type, t.amount, t.booking_date, t.status) = (excluded.base_type, excluded.amount, excluded.booking_date, excluded.status)
			AND t.counterparty_iban IS NOT DISTINCT FROM excluded.counterparty_iban AND t.counterparty_name IS NOT DISTINCT FROM excluded.counterparty_name
			THEN t.transfer_id END
	WHERE (t.base_type, t.amount, t.booking_date, t.value_date, t.status, t.description, t.counterparty_name, t.counterparty_iban, t.mcc, t.bank_code, t.parts, t.merchant_name)
			IS DISTINCT FROM (excluded.base_type, excluded.amount, excluded.booking_date, excluded.value_date, excluded.status, excluded.description,
			excluded.counterparty_name, excluded.counterparty_iban, excluded.mcc, excluded.bank_code, excluded.parts, excluded.merchant_name)
		OR NOT ` + stays + ` AND (t.category_id, t.category_source, t.category_rule, t.category_confidence)
			IS DISTINCT FROM (excluded.category_id, excluded.category_source, excluded.category_rule, excluded.category_confidence)`

// UpdateTransaction corrects a transaction inside its consumer's lock.
func (t Tenant) UpdateTransaction(ctx context.Context, ref bank.Ref, change func(*bank.Transaction) error) (x bank.Transaction, err error) {
	err = t.in(ctx, func(tx *Tx) error {
		if err := tx.transaction(ctx, t, ref, &x); err != nil {
			return err
		}
		if err := tx.touch(ctx, t.customerID, []int64{x.ConsumerID}); err != nil {
			return err
		}
		if err := tx.transaction(ctx, t, ref, &x); err != nil { // as it is under the lock
			return err
		}
		old := x
		if err := change(&x); err != nil {
			return err
		}
		if err := x.Check("", old.Currency).Err(); err != nil {
			return err
		}
		if !sameTexts(old, x) { // what its category rests on
			if err := tx.recategorise(ctx, &x); err != nil {
				return err
			}
		}
		x.ChangedAt, x.TransferID = tx.now, nil // matched anew
		if _, err := tx.NewUpdate().Model(&x).WherePK().Exec(ctx); err != nil {
			return err
		}
		days := bank.Period{From: min(old.BookingDate, x.BookingDate), To: max(old.BookingDate, x.BookingDate)}
		if err := tx.matchTransfers(ctx, t.customerID, []int64{x.ConsumerID}, &days); err != nil {
			return err
		}
		return tx.transaction(ctx, t, ref, &x)
	})
	return x, err
}

// DeleteTransactions deletes transactions, all or none.
func (t Tenant) DeleteTransactions(ctx context.Context, refs []bank.Ref) (deleted int, err error) {
	switch {
	case len(refs) == 0:
		return 0, fault.Missing("transactionIds")
	case len(refs) > MaxRows:
		return 0, fault.New(fault.TooMany, "transactionIds", "At most %d ids are allowed in one request", MaxRows)
	}
	err = t.in(ctx, func(tx *Tx) error {
		consumers, ids := t.keys(refs, bank.KindTransaction)
		if err := tx.touch(ctx, t.customerID, unique(consumers)); err != nil {
			return err
		}
		deleted = 0
		var gone []struct {
			ConsumerID, ID int64
			BookingDate    bank.Date
		}
		if err := tx.NewRaw(`DELETE FROM transactions WHERE customer_id = ? AND (consumer_id, id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[])) RETURNING consumer_id, id, booking_date`,
			t.customerID, pgdialect.Array(consumers), pgdialect.Array(ids)).Scan(ctx, &gone); err != nil {
			return err
		}
		there := make(map[bank.Ref]bool, len(gone))
		days := bank.Period{From: 1 << 30, To: -1 << 30}
		for _, x := range gone {
			there[bank.Ref{Kind: bank.KindTransaction, ConsumerID: x.ConsumerID, ID: x.ID}] = true
			days.From, days.To = min(days.From, x.BookingDate), max(days.To, x.BookingDate)
		}
		var faults fault.Many
		for i, ref := range refs {
			if !there[ref] {
				faults.Add(fault.Unknown(bank.Path("transactionIds", i), "Transaction"))
			}
		}
		if err := faults.Err(); err != nil {
			return err
		}
		deleted = len(gone)
		return tx.matchTransfers(ctx, t.customerID, unique(consumers), &days)
	})
	return deleted, err
}
