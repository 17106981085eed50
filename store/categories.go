package store

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/uptrace/bun/dialect/pgdialect"

	"insightgraph/bank"
	"insightgraph/category"
	"insightgraph/fault"
)

// given is the rule of a category that came with its transaction.
const given = "given"

// knowledge is what a category rests on beside the transaction itself.
type knowledge struct {
	rules   *category.Rules          // of the customer
	learned map[int64]map[string]int // each consumer's corrections, by category.Similar
}

// knowledge loads what is known about the categories of consumers, whose locks are held so that no correction is missed.
func (tx *Tx) knowledge(ctx context.Context, customerID int64, consumerIDs []int64) (k knowledge, err error) {
	rules, err := tx.categoryRules(ctx, customerID)
	if err != nil {
		return k, err
	}
	k = knowledge{plainRules(rules), map[int64]map[string]int{}}
	rows, err := tx.pg.Query(ctx, "SELECT consumer_id, key, category_id FROM corrections WHERE customer_id = $1 AND consumer_id = ANY($2::bigint[])",
		pgx.QueryExecModeCacheStatement, customerID, consumerIDs)
	if err != nil {
		return k, err
	}
	var consumer int64
	var key string
	var id int
	_, err = pgx.ForEachRow(rows, []any{&consumer, &key, &id}, func() error {
		if k.learned[consumer] == nil {
			k.learned[consumer] = map[string]int{}
		}
		k.learned[consumer][key] = id
		return nil
	})
	return k, err
}

// categorise fills in the category of a consumer's transaction, unless it came with one, and the merchant, which does not
// depend on corrections: so a correction changes nothing else. iban is that of the account.
func (k knowledge) categorise(x *bank.Transaction, consumerID int64, iban *string) {
	in := category.InputOf(*x, iban)
	in.Rules = k.rules
	answer := category.Categorise(in)
	x.MerchantName = nil
	if name := short(answer.Merchant, bank.MaxName); name != "" {
		x.MerchantName = &name
	}
	if x.CategoryID != 0 {
		x.CategorySource, x.CategoryRule, x.CategoryConfidence = bank.SourceCustomerRule, given, 100
		return
	}
	if learned := k.learned[consumerID]; learned != nil {
		in.Learned = learned
		answer = category.Categorise(in)
	}
	x.CategoryID, x.CategorySource, x.CategoryRule, x.CategoryConfidence = answer.Category, answer.Source, answer.Rule, answer.Percent()
}

// byHand tells whether a transaction's category was chosen for itself: by a person, or by the customer who gave it.
func byHand(x bank.Transaction) bool {
	return x.CategorySource == bank.SourceUser && x.CategoryRule == "" ||
		x.CategorySource == bank.SourceCustomerRule && (x.CategoryRule == given || x.CategoryRule == "")
}

// recategorise gives a transaction that was changed its category anew, unless it was chosen for itself.
func (tx *Tx) recategorise(ctx context.Context, x *bank.Transaction) error {
	k, err := tx.knowledge(ctx, x.CustomerID, []int64{x.ConsumerID})
	if err != nil {
		return err
	}
	var iban *string
	if err := tx.NewRaw("SELECT iban FROM accounts WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ?", x.CustomerID, x.ConsumerID, x.AccountID).Scan(ctx, &iban); err != nil {
		return err
	}
	old := *x
	x.CategoryID = 0
	k.categorise(x, x.ConsumerID, iban)
	if byHand(old) {
		x.CategoryID, x.CategorySource, x.CategoryRule, x.CategoryConfidence = old.CategoryID, old.CategorySource, old.CategoryRule, old.CategoryConfidence
	}
	return nil
}

// Categorize gives a transaction a category by a person's hand, or all of the consumer's that are similar to it. Either way
// similar ones that come later get it too.
func (t Tenant) Categorize(ctx context.Context, ref bank.Ref, id int, similar bool) (x bank.Transaction, affected int, err error) {
	var faults fault.Many
	if _, ok := category.ByID(id); !ok {
		faults.Add(fault.Unknown("categoryId", "Category"))
	}
	err = t.change(ctx, "categorizeTransaction", nil, func(tx *Tx) error {
		affected = 0
		if err := fault.Beside(tx.transaction(ctx, t, ref, &x), faults); err != nil {
			return err
		}
		tx.about(ref)
		if err := tx.touch(ctx, t.customerID, []int64{x.ConsumerID}); err != nil {
			return err
		}
		if err := tx.transaction(ctx, t, ref, &x); err != nil { // as it is under the lock
			return err
		}
		if key := category.Similar(x); !category.Vague(key) {
			if _, err := tx.ExecContext(ctx, `INSERT INTO corrections (customer_id, consumer_id, key, category_id, changed_at) VALUES (?, ?, ?, ?, ?)
				ON CONFLICT (customer_id, consumer_id, key) DO UPDATE SET category_id = excluded.category_id, changed_at = excluded.changed_at`,
				t.customerID, x.ConsumerID, key, id, tx.now); err != nil {
				return err
			}
		}
		correct := func(ids []int64) error {
			n, err := tx.affected(ctx, `UPDATE transactions SET category_id = ?, category_source = 'USER', category_rule = '', category_confidence = 100, changed_at = ?
				WHERE customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id = ANY(?::bigint[])`, id, tx.now, t.customerID, x.ConsumerID, pgdialect.Array(ids))
			affected += n
			return err
		}
		if similar {
			err = tx.similar(ctx, x, correct)
		} else {
			err = correct([]int64{x.ID})
		}
		if err != nil {
			return err
		}
		return tx.transaction(ctx, t, ref, &x)
	}, &x, &affected)
	return x, affected, err
}

// pageRows is how many transactions are looked at in one statement.
const pageRows = 10_000

// similar hands over the ids of the consumer's transactions that are similar to x, and x itself.
func (tx *Tx) similar(ctx context.Context, x bank.Transaction, use func([]int64) error) error {
	key := category.Similar(x)
	vague := category.Vague(key)
	for last := int64(0); ; {
		var rows []bank.Transaction
		if err := tx.NewSelect().Model(&rows).Column("id", "base_type", "description", "counterparty_name", "counterparty_iban").
			Where("customer_id = (SELECT ?::bigint) AND consumer_id = ? AND id > ?", x.CustomerID, x.ConsumerID, last).OrderExpr("id").Limit(pageRows).Scan(ctx); err != nil {
			return err
		}
		var ids []int64
		for _, y := range rows {
			if y.BaseType != x.BaseType || category.Similar(y) != key || vague && !sameTexts(x, y) {
				continue
			}
			ids = append(ids, y.ID)
		}
		if ids != nil {
			if err := use(ids); err != nil {
				return err
			}
		}
		if len(rows) < pageRows {
			return nil
		}
		last = rows[len(rows)-1].ID
	}
}

// sameTexts tells whether two transactions say the same of what they were for.
func sameTexts(a, b bank.Transaction) bool {
	return a.BaseType == b.BaseType && a.Description == b.Description && equal(a.CounterpartyName, b.CounterpartyName) && equal(a.CounterpartyIBAN, b.CounterpartyIBAN)
}

// MaxRules is how many rules a customer may have.
const MaxRules = 500

// CategoryRules lists the customer's rules in the order in which they are asked.
func (t Tenant) CategoryRules(ctx context.Context) (rules []category.CustomerRule, err error) {
	if err := t.customerOnly(); err != nil {
		return nil, err
	}
	err = t.in(ctx, func(tx *Tx) (err error) {
		rules, err = tx.categoryRules(ctx, t.customerID)
		return err
	})
	return rules, err
}

// CategoryRule finds one rule.
func (t Tenant) CategoryRule(ctx context.Context, ref bank.Ref) (rule category.CustomerRule, err error) {
	rules, err := t.CategoryRules(ctx)
	at := slices.IndexFunc(rules, func(r category.CustomerRule) bool { return r.Ref() == ref })
	if at < 0 {
		return rule, notFoundIf(true, err, "categoryRuleId", "Category rule")
	}
	return rules[at], nil
}

func (tx *Tx) categoryRules(ctx context.Context, customerID int64) (rules []category.CustomerRule, err error) {
	rows, err := tx.pg.Query(ctx, "SELECT id, name, text, iban, mcc, base_type, category_id, merchant, created_at FROM category_rules WHERE customer_id = $1 ORDER BY id",
		pgx.QueryExecModeCacheStatement, customerID)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		r := category.CustomerRule{CustomerID: customerID}
		if err := rows.Scan(&r.ID, &r.Name, &r.Text, &r.IBAN, &r.MCC, &r.BaseType, &r.Category, &r.Merchant, &r.CreatedAt); err != nil {
			return nil, err
		}
		r.CreatedAt = r.CreatedAt.UTC()
		rules = append(rules, r)
	}
	return rules, rows.Err()
}

func plainRules(rules []category.CustomerRule) *category.Rules {
	plain := make([]category.Rule, len(rules))
	for i, r := range rules {
		plain[i] = r.Rule
	}
	return category.NewRules(plain)
}

// checkRule says everything that is wrong with a rule, and tidies it.
func checkRule(r *category.Rule) error {
	var faults fault.Many
	r.Name, r.Text, r.IBAN, r.MCC, r.Merchant = strings.TrimSpace(r.Name), strings.TrimSpace(r.Text), strings.TrimSpace(r.IBAN), strings.TrimSpace(r.MCC), strings.TrimSpace(r.Merchant)
	faults.Add(bank.CheckText("name", r.Name, 1, 100))
	if r.Text == "" && r.IBAN == "" && r.MCC == "" {
		faults.Add(fault.New(fault.Incomplete, "text", "At least one of text, iban and mcc should be provided"))
	}
	faults.Add(bank.CheckText("text", r.Text, 0, 140))
	if r.Text != "" && !category.Readable(r.Text) {
		faults.Add(fault.Invalid("text", "Invalid value for text; it holds no letters or digits"))
	}
	if r.IBAN != "" {
		iban, wrong := bank.ParseIBAN("iban", r.IBAN)
		faults.Add(wrong)
		r.IBAN = iban
	}
	if r.MCC != "" && (len(r.MCC) != 4 || strings.Trim(r.MCC, "0123456789") != "") {
		faults.Add(fault.Invalid("mcc", "Invalid value for mcc; use the four digits of ISO 18245"))
	}
	if r.BaseType != "" && r.BaseType != bank.Credit && r.BaseType != bank.Debit {
		faults.Add(fault.Invalid("baseType", "Invalid value for baseType; Supported values are CREDIT, DEBIT"))
	}
	if _, ok := category.ByID(r.Category); !ok {
		faults.Add(fault.Unknown("categoryId", "Category"))
	}
	faults.Add(bank.CheckText("merchant", r.Merchant, 0, 100))
	return faults.Err()
}

// SaveCategoryRule makes a rule, or replaces the one of its name, which keeps its place. With apply, transactions that are
// there already get their category by it, and those that the replaced one decided get theirs anew; not those whose category
// was chosen for themselves. That goes page by page, each stored on its own: where it is cut off, the same call again does the rest,
// from the page on that was not done.
func (t Tenant) SaveCategoryRule(ctx context.Context, rule category.Rule, apply bool) (saved category.CustomerRule, affected int, err error) {
	if err := t.customerOnly(); err != nil {
		return saved, 0, err
	}
	if err := checkRule(&rule); err != nil {
		return saved, 0, err
	}
	var rules []category.CustomerRule
	first, over := false, !apply // whether this is the first such call, and whether its answer is final
	save := func(tx *Tx) error {
		first = true
		if _, err := tx.ExecContext(ctx, "SELECT pg_advisory_xact_lock(hashtextextended('category_rules', ?))", t.customerID); err != nil {
			return err
		}
		if rules, err = tx.categoryRules(ctx, t.customerID); err != nil {
			return err
		}
		known := slices.IndexFunc(rules, func(r category.CustomerRule) bool { return r.Name == rule.Name })
		if known < 0 && len(rules) >= MaxRules {
			return fault.New(fault.TooMany, "name", "At most %d rules are allowed", MaxRules)
		}
		saved = category.CustomerRule{Rule: rule, CustomerID: t.customerID, CreatedAt: tx.now}
		if known >= 0 {
			saved.ID, saved.CreatedAt = rules[known].ID, rules[known].CreatedAt
			same := rules[known].Rule == rule
			rules[known] = saved
			tx.about(saved.Ref())
			if same { // it goes on where it was cut off
				return nil
			}
			_, err := tx.ExecContext(ctx, `UPDATE category_rules SET text = ?, iban = ?, mcc = ?, base_type = ?, category_id = ?, merchant = ?, applied_consumer = 0, applied_id = 0
				WHERE customer_id = (SELECT ?::bigint) AND id = ?`, rule.Text, rule.IBAN, rule.MCC, rule.BaseType, rule.Category, rule.Merchant, t.customerID, saved.ID)
			return err
		}
		err := tx.NewRaw(`INSERT INTO category_rules (customer_id, name, text, iban, mcc, base_type, category_id, merchant, created_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`, t.customerID, rule.Name, rule.Text, rule.IBAN, rule.MCC, rule.BaseType, rule.Category, rule.Merchant, tx.now).Scan(ctx, &saved.ID)
		rules = append(rules, saved)
		tx.about(saved.Ref())
		return err
	}
	patient, enough := context.WithTimeout(ctx, applyWait)
	defer enough()
	for look := 0; look == 0 || !first && !over && patient.Err() == nil; look++ { // a repeated call waits for the first, unless that was cut off
		if look > 0 {
			time.Sleep(applyLook)
		}
		if err := t.change(ctx, "saveCategoryRule", nil, save, &saved, &affected, &over); err != nil {
			return saved, 0, err
		}
	}
	if over {
		return saved, affected, nil
	}
	if !first {
		if rules, err = t.CategoryRules(ctx); err != nil {
			return saved, 0, err
		}
	}
	if affected, err = t.applyRule(ctx, saved, knowledge{rules: plainRules(rules)}); err != nil {
		return saved, affected, err
	}
	over = true
	return saved, affected, t.complete(ctx, "saveCategoryRule", &saved, &affected, &over)
}

// applyLook is between two looks whether a rule is applied. After applyWait the first call counts as cut off; a request must
// have time left then, or the rest would never be done.
const (
	applyLook = 50 * time.Millisecond
	applyWait = 2 * time.Second
)

// DeleteCategoryRule deletes a rule. What it decided stays.
func (t Tenant) DeleteCategoryRule(ctx context.Context, ref bank.Ref) error {
	if err := t.customerOnly(); err != nil {
		return err
	}
	if ref.Kind != bank.KindRule || ref.ConsumerID != 0 {
		return fault.Unknown("categoryRuleId", "Category rule")
	}
	return t.change(ctx, "deleteCategoryRule", nil, func(tx *Tx) error {
		tx.about(ref)
		n, err := tx.affected(ctx, "DELETE FROM category_rules WHERE customer_id = (SELECT ?::bigint) AND id = ?", t.customerID, ref.ID)
		return notFoundIf(n == 0, err, "categoryRuleId", "Category rule")
	})
}

// ruled is a transaction that a rule could be about.
type ruled struct {
	bank.Transaction `bun:",extend"`
	Iban             *string // of the account
}

// applyRule gives the customer's transactions that a rule fits their category by it, from where the rule was applied to last.
func (t Tenant) applyRule(ctx context.Context, saved category.CustomerRule, k knowledge) (affected int, err error) {
	rule, alone := saved.Rule, category.NewRules([]category.Rule{saved.Rule})
	var from struct{ AppliedConsumer, AppliedID int64 }
	if err := t.in(ctx, func(tx *Tx) error {
		return tx.NewRaw("SELECT applied_consumer, applied_id FROM category_rules WHERE customer_id = (SELECT ?::bigint) AND id = ?", t.customerID, saved.ID).Scan(ctx, &from)
	}); err != nil && !none(err) { // none: deleted at this moment
		return 0, err
	}
	for consumer, id := from.AppliedConsumer, from.AppliedID; ; {
		var rows []ruled
		end := false
		if err := t.in(ctx, func(tx *Tx) error {
			// By the key, also where the planner knows nothing of the table: else all rows were sorted for each page.
			if _, err := tx.ExecContext(ctx, withoutSort); err != nil {
				return err
			}
			// The last row of the page comes in any case: the next page begins after it.
			rows = nil
			if err := tx.NewRaw(`WITH p AS MATERIALIZED (SELECT * FROM transactions WHERE customer_id = (SELECT ?0::bigint) AND (consumer_id, id) > (?1, ?2) ORDER BY consumer_id, id LIMIT ?3),
					mark AS (SELECT consumer_id, id FROM p ORDER BY consumer_id DESC, id DESC LIMIT 1)
				SELECT p.consumer_id, p.id, p.base_type, p.description, p.counterparty_name, p.counterparty_iban, p.mcc, p.bank_code, p.changed_at,
					p.category_id, p.category_source, p.category_rule, p.category_confidence, p.merchant_name, a.iban
				FROM p JOIN accounts a ON (a.customer_id, a.consumer_id, a.id) = (p.customer_id, p.consumer_id, p.account_id)
				WHERE (p.consumer_id, p.id) = (SELECT consumer_id, id FROM mark) OR p.category_source <> 'USER' AND (p.category_rule = ?4
					OR (?5 = '' OR p.base_type = ?5) AND (?6 = '' OR p.counterparty_iban = ?6) AND (?7 = '' OR p.mcc = ?7))
				ORDER BY p.consumer_id, p.id`, t.customerID, consumer, id, pageRows, rule.Fired(), rule.BaseType, rule.IBAN, rule.MCC).Scan(ctx, &rows); err != nil {
				return err
			}
			if end = len(rows) == 0; end {
				return nil
			}
			last := rows[len(rows)-1]
			consumer, id = last.ConsumerID, last.ID
			return nil
		}); err != nil {
			return affected, err
		}
		if end {
			return affected, t.applied(ctx, saved, 0, 0)
		}
		rows = slices.DeleteFunc(rows, func(r ruled) bool { return r.CategorySource == bank.SourceUser || byHand(r.Transaction) })
		var changed []bank.Transaction
		for _, r := range rows {
			x := r.Transaction
			if r.CategoryRule != rule.Fired() && !alone.Fit(x) { // whatever decides, it is not this rule
				continue
			}
			x.CategoryID = 0
			k.categorise(&x, x.ConsumerID, r.Iban)
			if (x.CategoryRule == rule.Fired() || r.CategoryRule == rule.Fired()) && (x.CategoryID != r.CategoryID || x.CategorySource != r.CategorySource ||
				x.CategoryRule != r.CategoryRule || x.CategoryConfidence != r.CategoryConfidence || !equal(x.MerchantName, r.MerchantName)) {
				changed = append(changed, x)
			}
		}
		for part := range slices.Chunk(changed, 2000) {
			n, err := t.saveCategories(ctx, part)
			affected += n
			if err != nil {
				return affected, err
			}
		}
		if err := t.applied(ctx, saved, consumer, id); err != nil {
			return affected, err
		}
	}
}

// applied notes up to where a rule is applied, unless it was replaced by another meanwhile; 0: to all.
func (t Tenant) applied(ctx context.Context, r category.CustomerRule, consumer, id int64) error {
	return t.write(ctx, func(tx *Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE category_rules SET applied_consumer = ?0, applied_id = ?1 WHERE customer_id = (SELECT ?2::bigint) AND id = ?3
			AND (text, iban, mcc, base_type, category_id, merchant) = (?4, ?5, ?6, ?7, ?8, ?9) AND (applied_consumer, applied_id) <> (?0, ?1)`,
			consumer, id, t.customerID, r.ID, r.Text, r.IBAN, r.MCC, r.BaseType, r.Category, r.Merchant)
		return err
	})
}

// saveCategories stores the categories of transactions that are still as they were read.
func (t Tenant) saveCategories(ctx context.Context, rows []bank.Transaction) (affected int, err error) {
	n := len(rows)
	consumers, ids, read := make([]int64, n), make([]int64, n), make([]string, n)
	categories, sources, rules, confidences, merchants := make([]int, n), make([]string, n), make([]string, n), make([]int, n), make([]*string, n)
	for i, x := range rows {
		consumers[i], ids[i], read[i] = x.ConsumerID, x.ID, x.ChangedAt.UTC().Format("2006-01-02T15:04:05.999999Z07:00")
		categories[i], sources[i], rules[i], confidences[i], merchants[i] = x.CategoryID, string(x.CategorySource), x.CategoryRule, x.CategoryConfidence, x.MerchantName
	}
	err = t.write(ctx, func(tx *Tx) error {
		if err := tx.lockConsumers(ctx, t.customerID, unique(consumers)); err != nil {
			return err
		}
		result, err := tx.pg.Query(ctx, `UPDATE transactions t SET category_id = u.category_id, category_source = u.source, category_rule = u.rule,
				category_confidence = u.confidence, merchant_name = u.merchant, changed_at = $2
			FROM unnest($3::bigint[], $4::bigint[], $5::text[], $6::int[], $7::text[], $8::text[], $9::int[], $10::text[])
				AS u(consumer_id, id, read, category_id, source, rule, confidence, merchant)
			WHERE t.customer_id = $1 AND t.consumer_id = u.consumer_id AND t.id = u.id AND t.changed_at = u.read::timestamptz AND t.category_source <> 'USER'
			RETURNING t.consumer_id`, t.customerID, tx.now, consumers, ids, read, categories, sources, rules, confidences, merchants)
		if err != nil {
			return err
		}
		defer result.Close()
		affected = 0
		var changed []int64
		for result.Next() {
			var consumer int64
			if err := result.Scan(&consumer); err != nil {
				return err
			}
			changed = append(changed, consumer)
		}
		if err := result.Err(); err != nil {
			return err
		}
		affected = len(changed)
		return tx.touch(ctx, t.customerID, unique(changed))
	})
	if err != nil {
		return 0, err
	}
	return affected, nil
}
