package model

import (
	"context"
	"time"

	"insightgraph/bank"
	"insightgraph/page"
	"insightgraph/report"
)

// Report is a report of any type.
type Report interface {
	Node
	Head() *report.Header
}

// Filed is what a report is beside its result.
type Filed struct {
	Stored report.Report
	Owner  bank.Consumer
	File   report.Case
	List   func(context.Context, bank.TransactionFilter, page.Args) (*page.Of[bank.Transaction], error)
	Args   func(context.Context, *bank.TransactionFilter, *int, *string, *int, *string) (bank.TransactionFilter, page.Args, error)
}

func (f Filed) Ref() bank.Ref          { return f.Stored.Ref() }
func (f Filed) Status() report.Status  { return f.Stored.Status }
func (f Filed) CreatedAt() time.Time   { return f.Stored.CreatedAt }
func (f Filed) FinishedAt() *time.Time { return f.Stored.FinishedAt }

// Transactions lists the transactions behind the report.
func (f Filed) Transactions(ctx context.Context, filter *bank.TransactionFilter, first *int, after *string, last *int, before *string) (*page.Of[bank.Transaction], error) {
	narrowed, a, err := f.Args(ctx, filter, first, after, last, before)
	if err != nil {
		return nil, err
	}
	return f.List(ctx, narrowed, a)
}

// The reports by type.
type (
	ShoppingReport struct {
		Filed
		*report.Shopping
	}
	BalancesReport struct {
		Filed
		*report.Balances
	}
	BalanceOverTimeReport struct {
		Filed
		*report.BalanceOverTime
	}
	IncomeReport struct {
		Filed
		*report.Income
	}
	SpendingReport struct {
		Filed
		*report.Spending
	}
	RentAndLivingReport struct {
		Filed
		*report.RentAndLiving
	}
	InsuranceReport struct {
		Filed
		*report.Insurance
	}
	RecurringReport struct {
		Filed
		*report.Recurring
	}
	RiskIndicatorsReport struct {
		Filed
		*report.RiskIndicators
	}
	CategorizedTransactionsReport struct {
		Filed
		*report.CategorizedTransactions
	}
	AccountInfoReport struct {
		Filed
		*report.AccountInfo
	}
)

// NewReport joins a report with its result.
func NewReport(f Filed, result report.Result) Report {
	switch r := result.(type) {
	case *report.Shopping:
		return ShoppingReport{f, r}
	case *report.Balances:
		return BalancesReport{f, r}
	case *report.BalanceOverTime:
		return BalanceOverTimeReport{f, r}
	case *report.Income:
		return IncomeReport{f, r}
	case *report.Spending:
		return SpendingReport{f, r}
	case *report.RentAndLiving:
		return RentAndLivingReport{f, r}
	case *report.Insurance:
		return InsuranceReport{f, r}
	case *report.Recurring:
		return RecurringReport{f, r}
	case *report.RiskIndicators:
		return RiskIndicatorsReport{f, r}
	case *report.CategorizedTransactions:
		return CategorizedTransactionsReport{f, r}
	case *report.AccountInfo:
		return AccountInfoReport{f, r}
	}
	panic("a type of report that the schema does not have")
}
