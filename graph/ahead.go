package graph

import (
	"context"

	"insightgraph/bank"
	"insightgraph/graph/plan"
	"insightgraph/insight"
	"insightgraph/page"
	"insightgraph/store"
)

// A screen asks for a consumer, its accounts, their transactions, its feed. Each list could be asked for when the rows that
// it belongs to are known, a round trip after another. But a statement can name those rows as the database will find
// them, so all of a screen goes out in one. What a document wants, with its real arguments, is known from its plan.

// asker queues a statement for the lists of parents. Where the lists' rows are parents themselves it names them.
type asker func(ctx context.Context, r *Resolver, reads *store.Reads, of store.Parents, args map[string]any) (found any, rows *store.Parents, err error)

// early are the fields that can be asked for before their parents are known. A field that does not stand here waits.
var early map[string]asker

func init() { // they need not be a circle: what lies below a field is looked up by name
	early = map[string]asker{
		"Consumer.accounts": func(ctx context.Context, _ *Resolver, reads *store.Reads, of store.Parents, args map[string]any) (any, *store.Parents, error) {
			l, err := accountsOf(ctx, reads, of, filterIn[bank.AccountFilter](args), relay(args))
			if err != nil {
				return nil, nil, err
			}
			rows := l.Parents()
			return l, &rows, nil
		},
		"Consumer.transactions": func(ctx context.Context, _ *Resolver, reads *store.Reads, of store.Parents, args map[string]any) (any, *store.Parents, error) {
			l, err := transactionsOf(ctx, reads, of, filterIn[bank.TransactionFilter](args), relay(args))
			return l, nil, err
		},
		"Consumer.feed": func(ctx context.Context, r *Resolver, reads *store.Reads, of store.Parents, args map[string]any) (any, *store.Parents, error) {
			l, err := r.feedOf(ctx, reads, of, filterIn[insight.FeedFilter](args), relay(args))
			return l, nil, err
		},
		"Consumer.categoryTotals": func(_ context.Context, _ *Resolver, reads *store.Reads, of store.Parents, args map[string]any) (any, *store.Parents, error) {
			return reads.CategoryTotalsOf(of, args["month"].(bank.Date)), nil, nil
		},
	}
	early["Account.transactions"] = early["Consumer.transactions"]
}

// relayArgs are the arguments of a list.
type relayArgs struct {
	first  *int
	after  *string
	last   *int
	before *string
}

func relay(args map[string]any) (a relayArgs) {
	a.first, _ = args["first"].(*int)
	a.after, _ = args["after"].(*string)
	a.last, _ = args["last"].(*int)
	a.before, _ = args["before"].(*string)
	return a
}

func filterIn[F any](args map[string]any) *F {
	f, _ := args["filter"].(*F)
	return f
}

func accountsOf(ctx context.Context, reads *store.Reads, of store.Parents, filter *bank.AccountFilter, p relayArgs) (*store.Lists[bank.Account], error) {
	a, err := pageArgs(byID, p.first, p.after, p.last, p.before)
	if err != nil {
		return nil, err
	}
	a.Fields = wanted(ctx, "Account")
	return reads.AccountsOf(of, orZero(filter), a), nil
}

func transactionsOf(ctx context.Context, reads *store.Reads, of store.Parents, filter *bank.TransactionFilter, p relayArgs) (*store.Lists[bank.Transaction], error) {
	f, a, err := transactionArgs(ctx, filter, p.first, p.after, p.last, p.before)
	if err != nil {
		return nil, err
	}
	return reads.TransactionsOf(of, f, a), nil
}

func (r *Resolver) feedOf(ctx context.Context, reads *store.Reads, of store.Parents, filter *insight.FeedFilter, p relayArgs) (*store.Lists[insight.Entry], error) {
	f, a, err := r.feedArgs(ctx, filter, p.first, p.after, p.last, p.before)
	if err != nil {
		return nil, err
	}
	return reads.FeedOf(of, f, a), nil
}

// ahead queues what the document wants below the field that is being looked up, of rows that are of one type of object.
func (r *Resolver) ahead(ctx context.Context, reads *store.Reads, object string, rows store.Parents) {
	if s := plan.StepOf(ctx); s != nil {
		r.below(ctx, reads, s, object, rows)
	}
}

func (r *Resolver) below(ctx context.Context, reads *store.Reads, s *plan.Step, object string, rows store.Parents) {
	for _, field := range s.Below() {
		ask := early[field.Object.Name+"."+field.Name]
		if ask == nil || field.Object.Name != object {
			continue
		}
		found, next, err := ask(plan.On(ctx, field), r, reads, rows, field.Args)
		if err != nil {
			continue // the field will say so
		}
		field.Early = found
		if next != nil {
			r.below(ctx, reads, field, "Account", *next)
		}
	}
}

// wanted are the fields of a list's rows that the document wants, nil where that is not known.
func wanted(ctx context.Context, object string) []string {
	if s := plan.StepOf(ctx); s != nil {
		return s.Reads(object)
	}
	return nil
}

// earlier is what was asked for ahead.
func earlier[T any](ctx context.Context) (found T, ok bool) {
	if s := plan.StepOf(ctx); s != nil {
		found, ok = s.Early.(T)
	}
	return found, ok
}

// pagesOf are the pages of the lists that belong to objs, which are consumers or accounts.
func pagesOf[P, T any](ctx context.Context, r *Resolver, objs []*P, ref func(*P) bank.Ref, of func([]bank.Ref) store.Parents,
	ask func(*store.Reads, store.Parents) (*store.Lists[T], error)) ([]*page.Of[T], error) {
	return batch(ctx, objs, ref, func(objs []*P) ([]*page.Of[T], error) {
		refs := each(objs, ref)
		lists, ok := earlier[*store.Lists[T]](ctx)
		if !ok {
			reads := r.mine(ctx).Reads()
			var err error
			if lists, err = ask(reads, of(refs)); err != nil {
				return nil, err
			}
			if accounts, ok := any(lists).(*store.Lists[bank.Account]); ok {
				r.ahead(ctx, reads, "Account", accounts.Parents())
			}
			if err := reads.Send(ctx); err != nil {
				return nil, err
			}
		}
		pages := each(refs, lists.Of)
		rememberPages(ctx, pages...)
		return pages, nil
	})
}
