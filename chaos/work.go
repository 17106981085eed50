package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// work is what clients do in a scene: two customers, each with people whose data comes in by every way that there is, and
// then everything that is made of it. It follows from its seed alone, so that a run without faults and one with them do
// the same. What belongs to one person is done in order; the people go side by side.
type work struct {
	number  int
	start   time.Time // by the clock of the processes
	tenants [2]tenant
}

type tenant struct {
	people []person
	files  bool // rows also come by the command import
}

type person struct {
	name, zone, currency string
	accounts             []account
	bank                 string // whose login at the sandbox bank is linked
	statement            string // a file that is uploaded
}

type account struct {
	name, container string
	batches         [][]row
}

type row struct{ id, day, amount, text, party string }

// canary is a text that only a customer's own data has.
func canary(tenant int) string { return fmt.Sprintf("CNRY%dX", tenant) }

var (
	zones   = []string{"Europe/Berlin", "Europe/Stockholm", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Tokyo"}
	parties = []string{"REWE", "Lidl", "Zalando", "Stadtwerke", "Netflix", "Shell"}
	logins  = []string{"anna", "ben", "clara", "deniz", "emil"}
)

// importRows of twenty people are stored in several parts, one in each lane of the import.
const importRows = 3_000

// newWork makes the work of a number.
func newWork(seed uint64, number int) *work {
	rng := rand.New(rand.NewPCG(seed, uint64(number)))
	w := &work{number: number, start: time.Date(2026, time.Month(2+rng.IntN(8)), 5+rng.IntN(15), 8+rng.IntN(10), rng.IntN(60), 0, 0, time.UTC)}
	for t := range w.tenants {
		for i := range 3 {
			p := person{name: fmt.Sprintf("p%d-%d", t, i), zone: zones[rng.IntN(len(zones))], currency: "EUR"}
			for a := range 2 {
				p.accounts = append(p.accounts, account{name: fmt.Sprintf("%s-a%d", p.name, a), container: []string{"BANK", "CARD"}[a]})
			}
			p.fill(rng, w.start, t)
			w.tenants[t].people = append(w.tenants[t].people, p)
		}
	}
	w.tenants[0].people[0].bank = logins[rng.IntN(len(logins))]
	w.tenants[1].people[1].bank = logins[rng.IntN(len(logins))]
	w.tenants[0].people[1].statement = statementFile(rng, w.start, 0)
	w.tenants[1].files = number%4 == 0
	return w
}

// fill makes batches that overlap: some rows come again, some of these with another amount. A movement between the two
// accounts is a transfer.
func (p *person) fill(rng *rand.Rand, start time.Time, tenant int) {
	for a := range p.accounts {
		var all []row
		for n := range 40 {
			day := start.AddDate(0, 0, -1-rng.IntN(150))
			amount := float64(-100-rng.IntN(9900)) / 100
			if n%7 == 0 {
				amount = float64(50000+rng.IntN(200000)) / 100
			}
			all = append(all, row{fmt.Sprintf("%s-%d", p.accounts[a].name, n), day.Format(time.DateOnly), fmt.Sprintf("%.2f", amount),
				fmt.Sprintf("%s %s %d", canary(tenant), parties[rng.IntN(len(parties))], n), parties[rng.IntN(len(parties))]})
		}
		p.accounts[a].batches = [][]row{all[:20], slices.Clone(all[10:40])}
		for n := range 5 {
			p.accounts[a].batches[1][n].amount = fmt.Sprintf("%.2f", float64(-100-rng.IntN(9900))/100)
		}
	}
	for n := range 3 {
		day := start.AddDate(0, 0, -10-20*n).Format(time.DateOnly)
		amount := fmt.Sprintf("%d.%02d", 300+n, rng.IntN(100))
		one := row{fmt.Sprintf("%s-out%d", p.name, n), day, "-" + amount, canary(tenant) + " Umbuchung", ""}
		p.accounts[0].batches[0] = append(p.accounts[0].batches[0], one)
		one.id, one.amount = fmt.Sprintf("%s-in%d", p.name, n), amount
		p.accounts[1].batches[1] = append(p.accounts[1].batches[1], one)
	}
}

// statementFile is a bank's CSV file, with two equal rows on one day: they are two.
func statementFile(rng *rand.Rand, start time.Time, tenant int) string {
	var b strings.Builder
	b.WriteString("Date,Description,Amount,Currency\n")
	for n := range 30 {
		day := start.AddDate(0, 0, -60+n).Format(time.DateOnly)
		line := fmt.Sprintf("%s,%s Coffee %d,-%d.50,EUR\n", day, canary(tenant), n, 2+rng.IntN(5))
		b.WriteString(line)
		if n%10 == 0 {
			b.WriteString(line)
		}
	}
	return b.String()
}

// acks is what clients were told is stored: by a name that does not change, the value that it had last.
type acks struct {
	mu     sync.Mutex
	stored map[string]string
	n      int
	more   chan struct{} // closed when there are more
}

func (a *acks) add(pairs map[string]string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stored == nil {
		a.stored = map[string]string{}
	}
	for k, v := range pairs {
		if a.stored[k] = v; v == "" {
			delete(a.stored, k)
		}
	}
	a.n++
	if a.more != nil {
		close(a.more)
		a.more = nil
	}
}

// after waits until so many calls have been acknowledged.
func (s *scene) after(ctx context.Context, n int) bool {
	for {
		s.acks.mu.Lock()
		if s.acks.n >= n {
			s.acks.mu.Unlock()
			return true
		}
		if s.acks.more == nil {
			s.acks.more = make(chan struct{})
		}
		more := s.acks.more
		s.acks.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return false
		}
	}
}

// run does the work. It ends when every call has been acknowledged and nothing is under way.
func (s *scene) run(ctx context.Context) error {
	clients := [2]*client{newClient(s, 0), newClient(s, 1)}
	var errs errorList
	// All data comes in. The schedule has nothing to tell before it is complete, whatever the clock says meanwhile.
	for _, c := range clients {
		errs.add(c.insights(ctx, "false"))
	}
	var side sync.WaitGroup
	for t := range s.work.tenants {
		for i := range s.work.tenants[t].people {
			side.Go(func() { errs.add(clients[t].bringIn(ctx, &s.work.tenants[t].people[i])) })
		}
		if s.work.tenants[t].files {
			side.Go(func() { errs.add(clients[t].importFiles(ctx)) })
		}
	}
	side.Wait()
	if errs.any() {
		return errs.err()
	}
	// It is corrected and set, then evaluated.
	for t := range clients {
		side.Go(func() { errs.add(clients[t].correct(ctx)) })
	}
	side.Wait()
	for t := range clients {
		side.Go(func() { errs.add(clients[t].evaluate(ctx)) })
	}
	side.Wait()
	if errs.any() {
		return errs.err()
	}
	for t := range clients {
		side.Go(func() { errs.add(clients[t].reportAll(ctx)) })
	}
	side.Wait()
	errs.add(s.settled(ctx))
	if errs.any() {
		return errs.err()
	}
	// Time passes, and the month's insights come by themselves.
	errs.add(s.planned(ctx))
	errs.add(s.settled(ctx))
	for _, c := range clients {
		errs.add(c.readAll(ctx))
	}
	return errs.err()
}

// bringIn puts in what belongs to one person.
func (c *client) bringIn(ctx context.Context, p *person) error {
	var made struct {
		CreateConsumer struct{ Consumer struct{ ID string } }
	}
	if err := c.do(ctx, "consumer-"+p.name, `mutation($input: CreateConsumerInput!) { createConsumer(input: $input) { consumer { id } } }`,
		object{"input": object{"externalId": p.name, "timeZone": p.zone, "currency": p.currency}}, &made, map[string]string{c.named("consumer", p.name): p.zone}); err != nil {
		return err
	}
	consumer := made.CreateConsumer.Consumer.ID
	c.keep(p.name, consumer)
	for _, a := range p.accounts {
		var made struct {
			CreateAccount struct{ Account struct{ ID string } }
		}
		if err := c.do(ctx, "account-"+a.name, `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { id } } }`,
			object{"input": object{"consumerId": consumer, "externalId": a.name, "container": a.container, "name": canary(c.tenant) + " " + a.name, "currency": p.currency,
				"idempotencyKey": "account-" + a.name}}, &made, map[string]string{c.named("account", a.name): a.container}); err != nil {
			return err
		}
		for n, batch := range a.batches {
			if _, err := c.put(ctx, fmt.Sprintf("batch-%s-%d", a.name, n), made.CreateAccount.Account.ID, p.currency, batch); err != nil {
				return err
			}
		}
	}
	if p.statement != "" {
		if err := c.upload(ctx, consumer, p.statement); err != nil {
			return err
		}
	}
	if p.bank != "" {
		return c.link(ctx, p)
	}
	return nil
}

// counts is what createTransactions answers.
type counts struct{ CreatedCount, UpdatedCount, UnchangedCount int }

// put sends a batch of transactions.
func (c *client) put(ctx context.Context, key, accountID, currency string, batch []row) (counts, error) {
	var rows []object
	told := map[string]string{}
	for _, r := range batch {
		rows = append(rows, object{"externalId": r.id, "amount": object{"amount": r.amount, "currency": currency}, "bookingDate": r.day, "description": r.text,
			"counterparty": object{"name": r.party}})
		told[c.named("transaction", r.id)] = strings.TrimPrefix(r.amount, "-")
	}
	var made struct{ CreateTransactions counts }
	if c.s.repeat > 1 {
		return counts{}, c.putAtOnce(ctx, key, accountID, rows, told)
	}
	err := c.do(ctx, key, `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount updatedCount unchangedCount } }`,
		object{"input": object{"accountId": accountID, "transactions": rows, "idempotencyKey": key}}, &made, told)
	if got := made.CreateTransactions; err == nil && got.CreatedCount+got.UpdatedCount+got.UnchangedCount != len(batch) {
		c.s.wrong("%s: %d rows, and the answer tells of %+v", key, len(batch), got)
	}
	c.answered(key, fmt.Sprint(made.CreateTransactions))
	return made.CreateTransactions, err
}

// putAtOnce sends a batch many times at once, in any order, each as a call of its own: a sender that does not know what
// has arrived.
func (c *client) putAtOnce(ctx context.Context, key, accountID string, rows []object, told map[string]string) error {
	var all sync.WaitGroup
	var errs errorList
	for n := range c.s.repeat {
		shuffled := slices.Clone(rows)
		rand.New(rand.NewPCG(uint64(n), 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		shuffled = append(shuffled, shuffled[n%len(rows)]) // and one of them twice
		all.Go(func() {
			own := fmt.Sprint(key, "-", n)
			errs.add(c.do(ctx, own, `mutation($input: CreateTransactionsInput!) { createTransactions(input: $input) { createdCount } }`,
				object{"input": object{"accountId": accountID, "transactions": shuffled, "idempotencyKey": own}}, nil, told))
		})
	}
	all.Wait()
	return errs.err()
}

// importFiles loads files by command. One that is killed is done again: what is there already is left as it is.
func (c *client) importFiles(ctx context.Context) error {
	files := map[string][][]string{
		"consumers":    {{"external_id", "time_zone", "currency"}},
		"accounts":     {{"consumer_external_id", "external_id", "container", "type", "name", "provider_name", "currency"}},
		"transactions": {{"consumer_external_id", "account_external_id", "external_id", "booking_date", "amount", "currency", "description"}},
	}
	told := map[string]string{}
	rng := rand.New(rand.NewPCG(uint64(c.s.work.number), 7))
	for n := range 20 {
		person := fmt.Sprintf("f%d-%d", c.tenant, n)
		files["consumers"] = append(files["consumers"], []string{person, zones[n%len(zones)], "EUR"})
		files["accounts"] = append(files["accounts"], []string{person, person + "-a", "BANK", "CHECKING", "Current", "File Bank", "EUR"})
		told[c.named("account", person+"-a")] = "BANK"
	}
	for n := range importRows {
		person := fmt.Sprintf("f%d-%d", c.tenant, n%20)
		amount := fmt.Sprintf("%d.%02d", 1+rng.IntN(100), rng.IntN(100))
		sign := "-"
		if n%9 == 0 {
			sign = ""
		}
		id := fmt.Sprintf("%s-%d", person, n)
		files["transactions"] = append(files["transactions"], []string{person, person + "-a", id, c.s.work.start.AddDate(0, 0, -1-n%150).Format(time.DateOnly), sign + amount, "EUR", canary(c.tenant)})
		told[c.named("transaction", id)] = amount
	}
	args := []string{"import", "--customer", c.s.logins[c.tenant].ClientID}
	for _, name := range []string{"consumers", "accounts", "transactions"} {
		path := filepath.Join(c.s.dir, name+".csv")
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		if err := csv.NewWriter(f).WriteAll(files[name]); err != nil {
			return err
		}
		f.Close()
		args = append(args, "--"+name, path)
	}
	env := []string{"FAILPOINT_TRACE=" + c.s.traceFile("import")}
	if c.s.importEnv != nil {
		env = append(env, c.s.importEnv...)
	}
	for end := time.Now().Add(settleTime); ; {
		_, dead, err := c.s.command(ctx, env, args...)
		if err == nil {
			c.s.acks.add(told)
			return nil
		}
		c.s.importedAgain.Store(true)
		if dead {
			c.s.dies("import")
		} else {
			c.s.fails("an import")
			if c.s.verbose {
				fmt.Fprintln(os.Stderr, c.s.name, err)
			}
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return err
		}
		env = env[:1]
	}
}

// correct does what persons and customers say about the data.
func (c *client) correct(ctx context.Context) error {
	if err := c.do(ctx, "rule", `mutation($input: SaveCategoryRuleInput!) { saveCategoryRule(input: $input) { affectedCount } }`,
		object{"input": object{"name": "chaos", "text": "Stadtwerke", "categoryId": c.category(ctx), "applyToExisting": true}}, nil, nil); err != nil {
		return err
	}
	p := c.s.work.tenants[c.tenant].people[2]
	if err := c.do(ctx, "zone", `mutation($input: UpdateConsumerInput!) { updateConsumer(input: $input) { consumer { id } } }`,
		object{"input": object{"consumerId": c.id(p.name), "timeZone": "Europe/Lisbon"}}, nil, map[string]string{c.named("consumer", p.name): "Europe/Lisbon"}); err != nil {
		return err
	}
	if err := c.insights(ctx, "true"); err != nil {
		return err
	}
	return c.do(ctx, "settings", `mutation($input: UpdateUserSubscriptionsInput!) { updateUserSubscriptions(input: $input) { userSubscriptions { insightName } } }`,
		object{"input": object{"consumerId": c.id(p.name), "userSubscription": []object{{"insightName": spending, "userConfiguration": []object{{"entityType": "ACCOUNT", "isSubscribed": "true"}}}}}}, nil, nil)
}

// insights switches the insight on or off for all the customer's people.
func (c *client) insights(ctx context.Context, on string) error {
	return c.do(ctx, "insights-"+on, `mutation($input: UpdateCustomerSubscriptionsInput!) { updateCustomerSubscriptions(input: $input) { customerSubscriptions { insightName } } }`,
		object{"input": object{"customerSubscription": []object{{"insightName": spending, "customerConfiguration": []object{{"entityType": "ACCOUNT", "isSubscribed": on}}}}}}, nil, nil)
}

const spending = "SPENDING_AND_EARNING_COMPARISON"

// evaluate asks for the insight of all the customer's people, and waits for it.
func (c *client) evaluate(ctx context.Context) error {
	var made struct {
		TriggerInsights struct{ Run struct{ ID string } }
	}
	if err := c.do(ctx, "run", `mutation($input: TriggerInsightsInput!) { triggerInsights(input: $input) { run { id } } }`, object{"input": object{
		"idempotencyKey": "run", "insights": []object{{"insightName": spending}}, "asOf": c.s.work.start.AddDate(0, 0, -1).Format(time.RFC3339)}}, &made, map[string]string{c.named("run", "run"): "1"}); err != nil {
		return err
	}
	return c.s.until(ctx, "the end of a run", func(ctx context.Context) (bool, error) {
		var seen struct{ Node struct{ Status string } }
		err := c.do(ctx, "", `query($id: ID!) { node(id: $id) { ... on TriggerRun { status } } }`, object{"id": made.TriggerInsights.Run.ID}, &seen, nil)
		if seen.Node.Status == "FAILED" && !c.s.poisoned {
			return false, fmt.Errorf("the run has failed")
		}
		return seen.Node.Status == "SUCCEEDED" || seen.Node.Status == "FAILED", err
	})
}

// reportAll brings data up to date and asks for reports, each with a callback.
func (c *client) reportAll(ctx context.Context) error {
	for n, p := range c.s.work.tenants[c.tenant].people[:2] {
		if err := c.do(ctx, "synchronize-"+p.name, `mutation($input: SynchronizeAccountsInput!) { synchronizeAccounts(input: $input) { dataSources { id } } }`,
			object{"input": object{"consumerId": c.id(p.name), "callbackUrl": c.s.hook.url, "callbackHandle": "synchronize-" + p.name}}, nil, nil); err != nil {
			return err
		}
		for _, kind := range []string{"SHOPPING", "INCOME"}[:1+n] {
			key := "report-" + kind + "-" + p.name
			if err := c.do(ctx, key, `mutation($input: CreateReportInput!) { createReport(input: $input) { report { id } } }`,
				object{"input": object{"type": kind, "consumerId": c.id(p.name), "callbackUrl": c.s.hook.url, "callbackHandle": key, "idempotencyKey": key}}, nil,
				map[string]string{c.named("report", p.name+"-"+kind): "SUCCEEDED"}); err != nil {
				return err
			}
		}
	}
	return nil
}

// readAll reads a screen of everything at both web processes: they say the same, and nothing of the other customer.
func (c *client) readAll(ctx context.Context) error {
	const screen = `{ consumers(first: 25) { nodes { id externalId timeZone accounts(first: 5) { nodes { id name transactions(first: 20) { totalCount nodes { id description amount { amount } } } } } } }
		feed(first: 50) { totalCount nodes { id insightTitle transactionDerived { creditTotal { amount } debitTotal { amount } } } } }`
	var first string
	for _, p := range c.s.webs() {
		var body string
		if err := c.s.until(ctx, "the answer of everything", func(ctx context.Context) (bool, error) {
			if code, _ := p.ready(ctx); code != http.StatusOK {
				return false, nil
			}
			var err error
			body, err = c.ask(ctx, p, "", screen, nil)
			return true, err
		}); err != nil {
			return fmt.Errorf("read everything: %w", err)
		}
		if first == "" {
			first = body
		} else if first != body {
			c.s.wrong("two processes answer differently")
		}
	}
	if !strings.Contains(first, canary(c.tenant)) {
		c.s.wrong("a customer does not see its own data")
	}
	return nil
}
