package store

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/govalues/decimal"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/fault"
	"insightgraph/page"
)

var transactions = kind[bank.Transaction]{
	model: modelOf[bank.Transaction](), table: "transactions", alias: "transaction",
	order: order{column: "transaction.booking_date", kind: "date", id: "transaction.id"},
	compare: func(a, b *bank.Transaction) int {
		return cmp.Or(cmp.Compare(b.BookingDate, a.BookingDate), cmp.Compare(b.ID, a.ID))
	},
	cursor: func(x bank.Transaction) page.Cursor { return page.Cursor{Key: x.BookingDate.String(), ID: x.ID} },
	owner:  func(x *bank.Transaction) int64 { return x.ConsumerID },
}

// TransactionsOf queues the transactions of consumers or accounts by booking date, the newest first.
func (r *Reads) TransactionsOf(p Parents, f bank.TransactionFilter, a page.Args) *Lists[bank.Transaction] {
	return lists(r, &transactions, p, a, func(q *query) { r.t.matching(q, p, f) })
}

// Transactions queues a page of the tenant's transactions.
func (r *Reads) Transactions(f bank.TransactionFilter, a page.Args) *Lists[bank.Transaction] {
	return r.TransactionsOf(Parents{}, f, a)
}

// TransactionsByRef queues transactions; unknown ones are left out.
func (r *Reads) TransactionsByRef(refs []bank.Ref) *Found[bank.Ref, bank.Transaction] {
	return byRef(r, &transactions, bank.KindTransaction, refs)
}

// Transaction finds one transaction.
func (t Tenant) Transaction(ctx context.Context, ref bank.Ref) (x bank.Transaction, err error) {
	r := t.Reads()
	return oneOf(ctx, r, r.TransactionsByRef([]bank.Ref{ref}), ref, "transactionId", "Transaction")
}

func (tx *Tx) transaction(ctx context.Context, t Tenant, ref bank.Ref, x *bank.Transaction) error {
	if !t.may(ref, bank.KindTransaction) {
		return fault.Unknown("transactionId", "Transaction")
	}
	*x = bank.Transaction{}
	err := tx.NewSelect().Model(x).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", t.customerID, ref.ConsumerID, ref.ID).Scan(ctx)
	return notFound(err, "transactionId", "Transaction")
}

// TransactionsByRef finds many transactions; unknown ones are left out.
func (t Tenant) TransactionsByRef(ctx context.Context, refs []bank.Ref) (map[bank.Ref]bank.Transaction, error) {
	r := t.Reads()
	found := r.TransactionsByRef(refs)
	err := r.Send(ctx)
	return found.Map(), err
}

// matching writes the conditions of a filter on transactions of parents.
func (t Tenant) matching(q *query, of Parents, f bank.TransactionFilter) {
	t.ofAll(q, "transaction", of.from == nil && f.ConsumerIDs == nil && f.AccountIDs == nil)
	q.sifts = q.sifts || len(f.ConsumerIDs) > 1 || len(f.AccountIDs) > 1 // all of theirs are sorted
	if f.ConsumerIDs != nil {
		q.among("transaction.consumer_id", t.numbers(f.ConsumerIDs, bank.KindConsumer))
	}
	if f.AccountIDs != nil {
		consumers, ids := t.keys(f.AccountIDs, bank.KindAccount)
		q.amongPairs("transaction.consumer_id", "transaction.account_id", consumers, ids)
	}
	if f.From != nil {
		q.add(" AND transaction.booking_date >= ?", f.From.Time())
	}
	if f.To != nil {
		q.add(" AND transaction.booking_date <= ?", f.To.Time())
	}
	if f.BaseType != nil {
		q.sift(" AND transaction.base_type = ?", string(*f.BaseType))
	}
	if f.Status != nil {
		q.sift(" AND transaction.status = ?", string(*f.Status))
	}
	if f.CategoryIDs != nil {
		ids := []int{}
		for _, n := range t.numbers(f.CategoryIDs, bank.KindCategory) {
			ids = append(ids, category.Under(int(n))...)
		}
		q.sift(" AND transaction.category_id = ANY(?::int[])", ids)
	}
	if f.Text != nil {
		pattern := "%" + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(*f.Text) + "%"
		q.sift(" AND (transaction.description ILIKE ? OR transaction.counterparty_name ILIKE ? OR transaction.merchant_name ILIKE ?)", pattern, pattern, pattern)
	}
	if f.MinAmount != nil {
		q.sift(" AND transaction.amount >= ?::numeric", f.MinAmount.String())
	}
	if f.MaxAmount != nil {
		q.sift(" AND transaction.amount <= ?::numeric", f.MaxAmount.String())
	}
	if f.Transfers != nil {
		q.sift(" AND (transaction.transfer_id IS NOT NULL) = ?", *f.Transfers)
	}
	if f.Party != nil {
		q.sift(" AND "+party+" = ?", *f.Party)
	}
}

// Transactions lists transactions by booking date, the newest first.
func (t Tenant) Transactions(ctx context.Context, f bank.TransactionFilter, a page.Args) (*page.Of[bank.Transaction], error) {
	r := t.Reads()
	return only(ctx, r, r.Transactions(f, a))
}

// transactionsOf lists the transactions that belong to n rows of a FROM item p, whose column n counts them from 1, one
// page each, in one statement. on tells what belongs to a row.
func (t Tenant) transactionsOf(ctx context.Context, n int, from string, args []any, on string, f bank.TransactionFilter, a page.Args) ([]*page.Of[bank.Transaction], error) {
	r := t.Reads()
	p := Parents{key: "n", on: on, n: func() int { return n }, from: func(q *query) { q.add(from, args...) }}
	refs := make([]bank.Ref, n)
	for i := range refs {
		refs[i].ID = int64(i + 1)
	}
	return pages(ctx, r, r.TransactionsOf(p, f, a), refs)
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
	err = t.change(ctx, "createTransactions", key, func(tx *Tx) error {
		s = Stored{}
		tx.about(account)
		if t.may(account, bank.KindAccount) {
			if err := tx.lockConsumers(ctx, t.customerID, []int64{account.ConsumerID}); err != nil {
				return err
			}
		}
		if err := tx.account(ctx, t, account, &a); err != nil {
			return fault.Beside(err, withoutAccount(rows))
		}
		k, err := tx.knowledge(ctx, t.customerID, []int64{a.ConsumerID})
		if err != nil {
			return err
		}
		checked, err := prepare(a, rows, k)
		if err != nil {
			return err
		}
		p, err := tx.putTransactions(ctx, t.customerID, checked, nil)
		s = p.Stored
		s.Unchanged += len(rows) - len(checked) // equal rows, once more
		if err != nil || p.consumers == nil {
			return err // a delivery without news gives no insight another try
		}
		if err := tx.matchTransfers(ctx, t.customerID, p.consumers, &p.changed); err != nil {
			return err
		}
		return tx.touch(ctx, t.customerID, p.consumers)
	}, &s, &a)
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
		x.CustomerID, x.ConsumerID, x.AccountID, x.Currency = a.CustomerID, a.ConsumerID, a.ID, a.Currency
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

// changes are rows that were stored or deleted, as far as the matching of transfers asks.
type changes struct {
	days    bank.Period // on which they are
	amounts []string    // those that they have
	known   bool        // some were there before: others may have lost their other side
	sides   sides       // of the others, those that can have an other side
}

// noChanges is none yet; what is added widens them.
func noChanges() changes { return changes{days: bank.Period{From: always.To, To: always.From}} }

// add adds a row that was there before.
func (c *changes) add(day bank.Date, amount decimal.Decimal) {
	c.days.From, c.days.To = min(c.days.From, day), max(c.days.To, day)
	c.amounts, c.known = append(c.amounts, amount.String()), true
}

// and puts two together.
func (c changes) and(d changes) changes {
	return changes{bank.Period{From: min(c.days.From, d.days.From), To: max(c.days.To, d.days.To)}, append(c.amounts, d.amounts...), c.known || d.known, c.sides.and(d.sides)}
}

// put is what became of rows. Of rows that were there and stay, nothing is in changed and consumers.
type put struct {
	Stored
	changed   changes
	consumers []int64
}

// putTransactions writes prepared rows of any accounts of a customer, whose consumers' locks are held: so nobody else adds
// any meanwhile. This is the one way in which transactions are stored. Transfers are to be matched afterwards. Rows that are
// new are erased at a moment, where one is given. They are told apart from known ones first, because ON CONFLICT makes a new
// row dearer by half.
func (tx *Tx) putTransactions(ctx context.Context, customerID int64, rows []bank.Transaction, eraseAt *time.Time) (p put, err error) {
	p.changed = noChanges()
	fresh, known, err := tx.apart(ctx, customerID, rows)
	if err != nil {
		return p, err
	}
	if len(fresh) > 0 {
		c, err := sheetOf(fresh)
		if err != nil {
			return p, err
		}
		p.Created, p.consumers, p.changed.amounts = len(fresh), unique(c.consumers), c.amounts
		for _, day := range c.bookingDates {
			p.changed.days.From, p.changed.days.To = min(p.changed.days.From, bank.Date(day)), max(p.changed.days.To, bank.Date(day))
		}
		if p.changed.sides, err = tx.sidesOf(ctx, customerID, fresh, p.consumers, p.changed); err != nil {
			return p, err
		}
		if _, err := tx.pg.Exec(ctx, insertRows, c.arguments(customerID, tx.now, eraseAt)...); err != nil {
			return p, err
		}
	}
	if len(known) > 0 {
		c, err := sheetOf(known)
		if err != nil {
			return p, err
		}
		var created int
		var first, last *time.Time
		var consumers []int64
		if err := tx.pg.QueryRow(ctx, putRows, c.arguments(customerID, tx.now, eraseAt)...).Scan(&created, &p.Updated, &first, &last, &consumers); err != nil {
			return p, err
		}
		p.Created += created
		if first != nil {
			p.consumers = unique(append(p.consumers, consumers...))
			p.changed = p.changed.and(changes{days: bank.Period{From: bank.DateOf(*first, time.UTC), To: bank.DateOf(*last, time.UTC)}, amounts: c.amounts, known: true})
		}
	}
	p.Unchanged = len(rows) - p.Created - p.Updated
	return p, nil
}

// knownRows finds rows that are there. Each is looked up by itself, in an order that only one index has; and sorting is off,
// because the planner believes that an account has one row, and took an index that is less high where there was one, to look
// at all of the account's rows for each of ours. usedAccounts finds the accounts that have any rows, in the same way.
const (
	withoutSort = "SET LOCAL enable_sort = off"
	withSort    = "SET LOCAL enable_sort = on"
	ofRows      = `SELECT u.n FROM (SELECT generate_subscripts($2::bigint[], 1) AS n, unnest($2::bigint[]) AS consumer_id, unnest($3::bigint[]) AS account_id,
			unnest($4::text[]) AS external_id) u
		CROSS JOIN LATERAL (SELECT FROM transactions t WHERE t.customer_id = $1 AND t.consumer_id = u.consumer_id AND t.account_id = u.account_id`
	knownRows    = ofRows + ` AND t.external_id BETWEEN u.external_id AND u.external_id ORDER BY t.external_id LIMIT 1) t`
	usedAccounts = ofRows + ` ORDER BY t.external_id LIMIT 1) t`
)

// firstDelivery is from how many rows of an account on it is asked whether the account has any at all. The first delivery
// is the largest one, and none of it needs to be looked up.
const firstDelivery = 10

// apart tells the rows whose external id their account does not have yet from those that are there.
func (tx *Tx) apart(ctx context.Context, customerID int64, rows []bank.Transaction) (fresh, known []bank.Transaction, err error) {
	places, firsts, used := make([]int, len(rows)), []int(nil), map[int64]bool{}
	for i := range rows {
		places[i] = i
		if !used[rows[i].AccountID] {
			used[rows[i].AccountID] = true
			firsts = append(firsts, i)
		}
	}
	if len(rows) >= firstDelivery*len(firsts) {
		if firsts, err = tx.among(ctx, usedAccounts, customerID, rows, firsts); err != nil {
			return nil, nil, err
		}
		clear(used)
		for _, i := range firsts {
			used[rows[i].AccountID] = true
		}
		places = slices.DeleteFunc(places, func(i int) bool { return !used[rows[i].AccountID] })
	}
	if len(places) > 0 {
		if places, err = tx.among(ctx, knownRows, customerID, rows, places); err != nil {
			return nil, nil, err
		}
	}
	if len(places) == 0 {
		return rows, nil, nil
	}
	there := make([]bool, len(rows))
	for _, i := range places {
		there[i] = true
	}
	for i, x := range rows {
		if there[i] {
			known = append(known, x)
		} else {
			fresh = append(fresh, x)
		}
	}
	return fresh, known, nil
}

// among gives those of some places in a list of rows that a query finds.
func (tx *Tx) among(ctx context.Context, text string, customerID int64, rows []bank.Transaction, places []int) ([]int, error) {
	consumers, accounts, externalIDs := make([]int64, len(places)), make([]int64, len(places)), make([]*string, len(places))
	for n, i := range places {
		consumers[n], accounts[n], externalIDs[n] = rows[i].ConsumerID, rows[i].AccountID, rows[i].ExternalID
	}
	var found []int
	err := tx.ask(ctx, []query{plain(withoutSort), plain(text, customerID, consumers, accounts, externalIDs), plain(withSort)}, func(_ int, rows answer) error {
		for rows.Next() {
			found = append(found, places[whole(rows.RawValues()[0])-1])
		}
		return nil
	})
	return found, err
}

// sheet is rows as one array for each column; nil: nothing but nulls, which is what unnest makes of it beside the others.
type sheet struct {
	consumers, accounts                  []int64
	externalIDs                          []*string
	baseTypes, amounts, currencies       []string
	bookingDates                         []int32
	valueDates                           []*int32
	statuses, descriptions               []string
	names, ibans, mccs, bankCodes, parts []*string
	categories                           []int32
	sources, rules                       []string
	confidences                          []int16
	merchants                            []*string
}

func sheetOf(rows []bank.Transaction) (c sheet, err error) {
	n := len(rows)
	c = sheet{consumers: make([]int64, n), accounts: make([]int64, n), baseTypes: make([]string, n), amounts: make([]string, n), currencies: make([]string, n),
		bookingDates: make([]int32, n), statuses: make([]string, n), descriptions: make([]string, n), categories: make([]int32, n),
		sources: make([]string, n), rules: make([]string, n), confidences: make([]int16, n)}
	for i := range rows {
		x := &rows[i]
		c.consumers[i], c.accounts[i], c.baseTypes[i], c.amounts[i], c.currencies[i] = x.ConsumerID, x.AccountID, string(x.BaseType), x.Amount.String(), string(x.Currency)
		c.bookingDates[i], c.statuses[i], c.descriptions[i] = int32(x.BookingDate), string(x.Status), x.Description
		c.categories[i], c.sources[i], c.rules[i], c.confidences[i] = int32(x.CategoryID), string(x.CategorySource), x.CategoryRule, int16(x.CategoryConfidence)
		parts, err := partsText(x)
		if err != nil {
			return c, err
		}
		some(&c.externalIDs, n, i, x.ExternalID)
		some(&c.valueDates, n, i, (*int32)(x.ValueDate))
		some(&c.names, n, i, x.CounterpartyName)
		some(&c.ibans, n, i, x.CounterpartyIBAN)
		some(&c.mccs, n, i, x.MCC)
		some(&c.bankCodes, n, i, x.BankCode)
		some(&c.parts, n, i, parts)
		some(&c.merchants, n, i, x.MerchantName)
	}
	return c, nil
}

// some puts a value that may be missing into the i-th of a column's n places.
func some[T any](column *[]*T, n, i int, value *T) {
	if value == nil {
		return
	}
	if *column == nil {
		*column = make([]*T, n)
	}
	(*column)[i] = value
}

// arguments are those of insertRows and putRows. As those of a prepared statement they go in binary form.
func (c sheet) arguments(customerID int64, now time.Time, eraseAt *time.Time) []any {
	return []any{pgx.QueryExecModeCacheStatement, customerID, now, eraseAt, c.consumers, c.accounts, c.externalIDs, c.baseTypes, c.amounts, c.currencies,
		c.bookingDates, c.valueDates, c.statuses, c.descriptions, c.names, c.ibans, c.mccs, c.bankCodes, c.parts, c.categories, c.sources, c.rules, c.confidences, c.merchants}
}

// insertRows stores rows. Arrays are unnested in the list of what is selected, where it costs a third of what it does as a table.
const insertRows = `INSERT INTO transactions AS t (customer_id, consumer_id, account_id, external_id, base_type, amount, currency, booking_date,
			value_date, status, description, counterparty_name, counterparty_iban, mcc, bank_code, parts,
			category_id, category_source, category_rule, category_confidence, merchant_name, created_at, changed_at, erase_at)
		SELECT $1::bigint, consumer_id, account_id, external_id, base_type, amount::numeric, currency, '1970-01-01'::date + booked,
			'1970-01-01'::date + valued, status, description, name, iban, mcc, bank_code, parts::jsonb,
			category_id, category_source, category_rule, category_confidence, merchant_name, $2::timestamptz, $2::timestamptz, $3::timestamptz
		FROM (SELECT unnest($4::bigint[]) AS consumer_id, unnest($5::bigint[]) AS account_id, unnest($6::text[]) AS external_id, unnest($7::text[]) AS base_type,
			unnest($8::text[]) AS amount, unnest($9::text[]) AS currency, unnest($10::int[]) AS booked, unnest($11::int[]) AS valued, unnest($12::text[]) AS status,
			unnest($13::text[]) AS description, unnest($14::text[]) AS name, unnest($15::text[]) AS iban, unnest($16::text[]) AS mcc, unnest($17::text[]) AS bank_code,
			unnest($18::text[]) AS parts, unnest($19::int[]) AS category_id, unnest($20::text[]) AS category_source, unnest($21::text[]) AS category_rule,
			unnest($22::smallint[]) AS category_confidence, unnest($23::text[]) AS merchant_name) u`

// putRows stores rows of which some are known, and tells what became of them.
const putRows = "WITH stored AS (" + insertRows + " " + onConflict + ` RETURNING t.changed_at = t.created_at AS created, consumer_id, booking_date)
	SELECT count(*) FILTER (WHERE created), count(*) FILTER (WHERE NOT created), min(booking_date), max(booking_date), array_agg(DISTINCT consumer_id) FROM stored`

// partsText is how the parts of a transaction are stored, nil for none.
func partsText(x *bank.Transaction) (*string, error) {
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

// onConflict updates a known row where something differs, and makes its changed_at later than its created_at: so a row tells
// whether it is new, also where the table is partitioned and xmax cannot be asked for. A transfer stays unless what it rests on has changed.
const onConflict = `ON CONFLICT (customer_id, consumer_id, account_id, external_id) DO UPDATE SET
		base_type = excluded.base_type, amount = excluded.amount, booking_date = excluded.booking_date, value_date = excluded.value_date,
		status = excluded.status, description = excluded.description, counterparty_name = excluded.counterparty_name,
		counterparty_iban = excluded.counterparty_iban, mcc = excluded.mcc, bank_code = excluded.bank_code, parts = excluded.parts,
		merchant_name = excluded.merchant_name, changed_at = greatest(excluded.changed_at, t.created_at + interval '1 microsecond'),
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
	err = t.change(ctx, "updateTransaction", nil, func(tx *Tx) error {
		if err := tx.transaction(ctx, t, ref, &x); err != nil {
			return err
		}
		tx.about(ref)
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
		if _, err := tx.NewUpdate().Model(&x).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", x.CustomerID, x.ConsumerID, x.ID).Exec(ctx); err != nil {
			return err
		}
		changed := noChanges()
		changed.add(x.BookingDate, x.Amount)
		if err := tx.matchTransfers(ctx, t.customerID, []int64{x.ConsumerID}, &changed); err != nil {
			return err
		}
		return tx.transaction(ctx, t, ref, &x)
	}, &x)
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
	err = t.change(ctx, "deleteTransactions", nil, func(tx *Tx) error {
		consumers, ids := t.keys(refs, bank.KindTransaction)
		tx.ofConsumers(unique(consumers))
		if err := tx.touch(ctx, t.customerID, unique(consumers)); err != nil {
			return err
		}
		deleted = 0
		var gone []struct{ ConsumerID, ID int64 }
		if err := tx.NewRaw(`DELETE FROM transactions WHERE customer_id = (SELECT ?::bigint) AND (consumer_id, id) IN (SELECT * FROM unnest(?::bigint[], ?::bigint[])) RETURNING consumer_id, id`,
			t.customerID, pgdialect.Array(consumers), pgdialect.Array(ids)).Scan(ctx, &gone); err != nil {
			return err
		}
		there := make(map[bank.Ref]bool, len(gone))
		for _, x := range gone {
			there[bank.Ref{Kind: bank.KindTransaction, ConsumerID: x.ConsumerID, ID: x.ID}] = true
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
		changed := noChanges() // beside the other sides of those that are gone
		changed.known = true
		return tx.matchTransfers(ctx, t.customerID, unique(consumers), &changed)
	}, &deleted)
	return deleted, err
}
