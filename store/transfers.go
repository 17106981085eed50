package store

import (
	"context"

	"github.com/govalues/decimal"
	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/fault"
)

// reach is how far around changed days transfers are matched again at first. A pair depends on legs up to four days
// away, those on legs up to four days further, and so on: where such a chain goes on at the edge, all days are looked at.
const reach = 8 * bank.TransferDays

// always is all days that there can be.
var always = bank.Period{From: bank.NewDate(1900, 1, 1), To: bank.NewDate(9999, 12, 31)}

// wider is a period with days before and after it.
func wider(p bank.Period, by bank.Date) bank.Period {
	return bank.Period{From: max(p.From-by, always.From), To: min(p.To+by, always.To)}
}

// matchTransfers pairs the transactions of consumers whose locks are held: all of them, or those that what changed can
// have an effect on, which has its amount. The result is the same as if all were matched at once, whatever came first.
// It is a fixed number of statements for any number of consumers.
func (tx *Tx) matchTransfers(ctx context.Context, customerID int64, consumerIDs []int64, news *changes) error {
	if len(consumerIDs) == 0 {
		return nil
	}
	left := noChanges()
	if news == nil || news.known {
		var err error
		if left, err = tx.orphans(ctx, customerID, consumerIDs); err != nil {
			return err
		}
	}
	changed := always
	var amounts []string // nil: any
	if news != nil {
		all := news.and(left)
		if len(all.amounts) == 0 {
			return nil
		}
		changed, amounts = all.days, unique(all.amounts)
	}
	var sides sides
	if news != nil && !news.known {
		sides = news.sides
	} else {
		var err error
		if sides, err = tx.sides(ctx, customerID, consumerIDs, amounts, wider(changed, bank.TransferDays)); err != nil {
			return err
		}
	}
	if len(sides.consumers) == 0 {
		return nil
	}
	window := wider(changed, reach)
	legs, err := tx.legs(ctx, customerID, sides, window)
	if err != nil || len(legs) == 0 {
		return err
	}
	chains, complete := affected(legs, changed, window)
	if !complete {
		if legs, err = tx.legs(ctx, customerID, sides, always); err != nil {
			return err
		}
		chains, _ = affected(legs, changed, always)
	}
	refused, err := tx.refused(ctx, customerID, consumerIDs)
	if err != nil {
		return err
	}
	var change []partner
	for _, chain := range chains {
		want := map[int64]int64{}
		plain := make([]bank.Leg, len(chain))
		for i, l := range chain {
			plain[i] = l.plain()
		}
		for _, p := range bank.Transfers(plain, refused) {
			want[p.Debit], want[p.Credit] = p.Credit, p.Debit
		}
		for _, l := range chain {
			if l.TransferID != want[l.ID] {
				change = append(change, partner{l.ConsumerID, l.ID, want[l.ID]})
			}
		}
	}
	return tx.pair(ctx, customerID, change)
}

// orphans takes the transfer from legs whose other side was changed or deleted, or whose accounts are no longer both ACTIVE, and tells which.
func (tx *Tx) orphans(ctx context.Context, customerID int64, consumerIDs []int64) (changes, error) {
	var rows []struct {
		BookingDate bank.Date
		Amount      decimal.Decimal
	}
	err := tx.NewRaw(`UPDATE transactions t SET transfer_id = NULL WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ANY(?::bigint[]) AND transfer_id IS NOT NULL
		AND NOT EXISTS (SELECT 1 FROM transactions o, accounts a, accounts b
			WHERE o.customer_id = t.customer_id AND o.consumer_id = t.consumer_id AND o.id = t.transfer_id AND o.transfer_id = t.id
				AND a.customer_id = t.customer_id AND a.consumer_id = t.consumer_id AND a.id = o.account_id AND a.status = 'ACTIVE'
				AND b.customer_id = t.customer_id AND b.consumer_id = t.consumer_id AND b.id = t.account_id AND b.status = 'ACTIVE')
		RETURNING booking_date, amount`, customerID, pgdialect.Array(consumerIDs)).Scan(ctx, &rows)
	left := noChanges()
	for _, r := range rows {
		left.add(r.BookingDate, r.Amount)
	}
	return left, err
}

// leg is a transaction that can be one side of a transfer. TransferID is the other side as it is stored, 0 for none.
type leg struct {
	ConsumerID, ID, AccountID          int64
	BaseType                           bank.BaseType
	Amount                             decimal.Decimal
	Currency                           bank.Currency
	BookingDate                        bank.Date
	TransferID                         int64
	AccountIban, AccountName           string
	AccountContainer                   bank.Container
	CounterpartyName, CounterpartyIban string
}

func (l leg) plain() bank.Leg {
	return bank.Leg{ID: l.ID, AccountID: l.AccountID, BaseType: l.BaseType, Amount: l.Amount, Currency: l.Currency, BookingDate: l.BookingDate,
		AccountIBAN: l.AccountIban, AccountName: l.AccountName, Container: l.AccountContainer, Counterparty: l.CounterpartyName, IBAN: l.CounterpartyIban}
}

// sides are amounts of consumers, each in its currency.
type sides struct {
	consumers           []int64
	currencies, amounts []string
}

func (s *sides) add(consumerID int64, currency, amount string) {
	s.consumers, s.currencies, s.amounts = append(s.consumers, consumerID), append(s.currencies, currency), append(s.amounts, amount)
}

// and puts two together.
func (s sides) and(t sides) sides {
	return sides{append(s.consumers, t.consumers...), append(s.currencies, t.currencies...), append(s.amounts, t.amounts...)}
}

// sidesOf finds the amounts of new rows that came in and went out by different accounts of a consumer, on the days of the
// news. It comes before they are stored: so it reads only what was there, most often nothing.
func (tx *Tx) sidesOf(ctx context.Context, customerID int64, rows []bank.Transaction, consumerIDs []int64, news changes) (s sides, err error) {
	days := wider(news.days, bank.TransferDays)
	found, err := tx.pg.Query(ctx, `WITH a AS (`+severalAccounts+`)
		SELECT DISTINCT t.consumer_id, t.account_id, t.currency, t.amount, t.base_type FROM a CROSS JOIN LATERAL (SELECT * FROM transactions t
			WHERE `+ofAccount+amongAmounts+` OFFSET 0) t`, pgx.QueryExecModeCacheStatement, customerID, consumerIDs, days.From.Time(), days.To.Time(), news.amounts)
	if err != nil {
		return s, err
	}
	type amount struct {
		consumer int64
		currency bank.Currency
		decimal.Decimal
	}
	type seen struct {
		account, another int64
		credit, debit    bool
	}
	all := make(map[amount]seen, len(rows))
	add := func(l leg) {
		k := amount{l.ConsumerID, l.Currency, l.Amount.Trim(0)}
		one := all[k]
		if one.account == 0 {
			one.account = l.AccountID
		} else if l.AccountID != one.account {
			one.another = l.AccountID
		}
		one.credit, one.debit = one.credit || l.BaseType == bank.Credit, one.debit || l.BaseType == bank.Debit
		all[k] = one
	}
	for i := range rows {
		if x := &rows[i]; x.Status == bank.Posted {
			add(leg{ConsumerID: x.ConsumerID, AccountID: x.AccountID, Currency: x.Currency, Amount: x.Amount, BaseType: x.BaseType})
		}
	}
	var l leg
	if _, err := pgx.ForEachRow(found, []any{&l.ConsumerID, &l.AccountID, &l.Currency, &l.Amount, &l.BaseType}, func() error { add(l); return nil }); err != nil {
		return s, err
	}
	for k, one := range all {
		if one.another != 0 && one.credit && one.debit {
			s.add(k.consumer, string(k.currency), k.Decimal.String())
		}
	}
	return s, nil
}

// sides finds the amounts, where amounts are given among those, that came in and went out on some days, by different
// accounts of a consumer, or that have been paired. A change can only have an effect on legs of such an amount: one that
// no other is opposite to, four days before or after it, is in nobody's way. Consumers with one account have none. IS TRUE
// makes the planner, which does not know how many amounts there are, look them up in a table of hashes.
func (tx *Tx) sides(ctx context.Context, customerID int64, consumerIDs []int64, amounts []string, days bank.Period) (s sides, err error) {
	among, args := "", []any{pgx.QueryExecModeCacheStatement, customerID, consumerIDs, days.From.Time(), days.To.Time()}
	if amounts != nil {
		among, args = amongAmounts, append(args, amounts)
	}
	found, err := tx.pg.Query(ctx, `WITH a AS (`+severalAccounts+`)
		SELECT t.consumer_id, t.currency, t.amount::text FROM a CROSS JOIN LATERAL (SELECT * FROM transactions t
			WHERE `+ofAccount+among+` OFFSET 0) t GROUP BY t.consumer_id, t.currency, t.amount
		HAVING count(t.transfer_id) > 0 OR bool_or(t.base_type = 'CREDIT') AND bool_or(t.base_type = 'DEBIT') AND min(t.account_id) <> max(t.account_id)`, args...)
	if err != nil {
		return s, err
	}
	defer found.Close()
	for found.Next() {
		var consumer int64
		var currency, amount string
		if err := found.Scan(&consumer, &currency, &amount); err != nil {
			return s, err
		}
		s.add(consumer, currency, amount)
	}
	return s, found.Err()
}

// legs loads the transactions of some days and amounts that can have an other side, or have one, by consumer, currency,
// amount and day. Its cost goes by the transactions: no join of them with themselves.
func (tx *Tx) legs(ctx context.Context, customerID int64, of sides, days bank.Period) ([]leg, error) {
	found, err := tx.pg.Query(ctx, `WITH a AS (`+severalAccounts+`)
		SELECT consumer_id, id, account_id, base_type, amount, currency, booking_date, coalesce(transfer_id, 0) AS transfer_id, account_iban, account_name, account_container,
			coalesce(counterparty_name, '') AS counterparty_name, coalesce(counterparty_iban, '') AS counterparty_iban
		FROM (SELECT t.*, a.iban AS account_iban, a.name AS account_name, a.container AS account_container,
				count(*) FILTER (WHERE base_type = 'CREDIT') OVER beside AS credits, count(*) FILTER (WHERE base_type = 'DEBIT') OVER beside AS debits,
				min(account_id) OVER beside AS first_account, max(account_id) OVER beside AS last_account
			FROM a CROSS JOIN LATERAL (SELECT * FROM transactions t WHERE `+ofAccount+`
				AND ((t.consumer_id, t.currency, t.amount) IN (SELECT unnest($2::bigint[]), unnest($5::text[]), unnest($6::text[])::numeric)) IS TRUE OFFSET 0) t
			WINDOW beside AS (PARTITION BY t.consumer_id, t.currency, t.amount ORDER BY t.booking_date - '2000-01-01'::date
				RANGE BETWEEN $7::int PRECEDING AND $7::int FOLLOWING)) l
		WHERE transfer_id <> 0 OR credits > 0 AND debits > 0 AND first_account <> last_account
		ORDER BY consumer_id, currency, l.amount, booking_date, id`, pgx.QueryExecModeCacheStatement, customerID, of.consumers, days.From.Time(), days.To.Time(),
		of.currencies, of.amounts, int(bank.TransferDays))
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, pgx.RowToStructByName[leg])
}

// severalAccounts are the active accounts of those consumers who have more than one.
const severalAccounts = `SELECT * FROM (SELECT consumer_id, id, coalesce(iban, '') AS iban, name || ' ' || provider_name AS name, container, count(*) OVER (PARTITION BY consumer_id) AS n
	FROM accounts WHERE customer_id = $1 AND consumer_id = ANY($2::bigint[]) AND status = 'ACTIVE') a WHERE n > 1`

// ofAccount is what the transactions of an account a must be. OFFSET 0 behind it keeps the planner to looking at each account
// by itself, also where it knows nothing of the tables.
const ofAccount = "t.customer_id = $1 AND t.consumer_id = a.consumer_id AND t.account_id = a.id AND t.status = 'POSTED' AND t.booking_date BETWEEN $3 AND $4"

// amongAmounts restricts them to amounts. IS TRUE makes the planner, which does not know how many there are, look them up in
// a table of hashes.
const amongAmounts = " AND (t.amount IN (SELECT unnest($5::text[])::numeric)) IS TRUE"

// affected cuts sorted legs into chains, between which no pair is possible, and keeps those that a change on the days
// can have an effect on. complete is false when such a chain can go on beyond the days that were loaded.
func affected(legs []leg, changed, loaded bank.Period) (chains [][]leg, complete bool) {
	complete = true
	for start := 0; start < len(legs); {
		end := start + 1
		for end < len(legs) && linked(legs[end-1], legs[end]) {
			end++
		}
		first, last := legs[start].BookingDate, legs[end-1].BookingDate
		if first-bank.TransferDays <= changed.To && last+bank.TransferDays >= changed.From {
			chains = append(chains, legs[start:end])
			complete = complete && first-bank.TransferDays >= loaded.From && last+bank.TransferDays <= loaded.To
		}
		start = end
	}
	return chains, complete || loaded == always
}

// linked tells whether two legs that follow each other are in one chain.
func linked(a, b leg) bool {
	return a.ConsumerID == b.ConsumerID && a.Currency == b.Currency && a.Amount.Equal(b.Amount) && b.BookingDate-a.BookingDate <= bank.TransferDays
}

// partner says which other side a leg has, 0 for none.
type partner struct{ ConsumerID, ID, Partner int64 }

// pair stores other sides.
func (tx *Tx) pair(ctx context.Context, customerID int64, change []partner) error {
	if len(change) == 0 {
		return nil
	}
	consumers, ids, others := make([]int64, len(change)), make([]int64, len(change)), make([]int64, len(change))
	for i, c := range change {
		consumers[i], ids[i], others[i] = c.ConsumerID, c.ID, c.Partner
	}
	_, err := tx.ExecContext(ctx, `UPDATE transactions t SET transfer_id = nullif(u.partner, 0)
		FROM unnest(?::bigint[], ?::bigint[], ?::bigint[]) AS u(consumer_id, id, partner)
		WHERE t.customer_id = (SELECT ?::bigint) AND t.consumer_id = u.consumer_id AND t.id = u.id`,
		pgdialect.Array(consumers), pgdialect.Array(ids), pgdialect.Array(others), customerID)
	return err
}

func (tx *Tx) refused(ctx context.Context, customerID int64, consumerIDs []int64) (map[bank.Pair]bool, error) {
	var rows []struct{ DebitID, CreditID int64 }
	err := tx.NewRaw("SELECT debit_id, credit_id FROM refused_transfers WHERE customer_id = (SELECT ?::bigint) AND consumer_id IN (?)", customerID, bun.List(consumerIDs)).Scan(ctx, &rows)
	refused := make(map[bank.Pair]bool, len(rows))
	for _, r := range rows {
		refused[bank.Pair{Debit: r.DebitID, Credit: r.CreditID}] = true
	}
	return refused, err
}

// SeparateTransfer undoes the pair that a transaction is in, for good. The two may be paired with others.
func (t Tenant) SeparateTransfer(ctx context.Context, ref bank.Ref) (both []bank.Transaction, err error) {
	err = t.change(ctx, "separateTransfer", nil, func(tx *Tx) error {
		var leg bank.Transaction
		if err := tx.transaction(ctx, t, ref, &leg); err != nil {
			return err
		}
		tx.about(ref)
		if err := tx.touch(ctx, t.customerID, []int64{leg.ConsumerID}); err != nil {
			return err
		}
		if err := tx.transaction(ctx, t, ref, &leg); err != nil { // as it is under the lock
			return err
		}
		if leg.TransferID == nil {
			return fault.New(fault.NotAllowed, "transactionId", "The transaction is not part of a transfer")
		}
		pair := bank.Pair{Debit: leg.ID, Credit: *leg.TransferID}
		if leg.BaseType == bank.Credit {
			pair = bank.Pair{Debit: *leg.TransferID, Credit: leg.ID}
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO refused_transfers (customer_id, consumer_id, debit_id, credit_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
			t.customerID, leg.ConsumerID, pair.Debit, pair.Credit); err != nil {
			return err
		}
		changed := noChanges()
		changed.add(leg.BookingDate, leg.Amount)
		if err := tx.matchTransfers(ctx, t.customerID, []int64{leg.ConsumerID}, &changed); err != nil {
			return err
		}
		both = nil
		return tx.NewSelect().Model(&both).Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id IN (?, ?)", t.customerID, leg.ConsumerID, pair.Debit, pair.Credit).
			OrderExpr("id").Scan(ctx)
	}, &both)
	return both, err
}
