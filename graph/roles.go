package graph

import (
	"context"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"insightgraph/auth"
	"insightgraph/fault"
)

var (
	customers = []auth.Role{auth.RoleCustomer}
	everybody = []auth.Role{auth.RoleCustomer, auth.RoleConsumer}
)

// allowed says which kinds of token may use a field of Query or Mutation. A field that does not stand here may be used
// by nobody. Whose data it then shows is the tenant's matter.
var allowed = map[string][]auth.Role{
	"Query.viewer":                everybody,
	"Query.node":                  everybody,
	"Query.consumers":             customers,
	"Query.consumer":              everybody,
	"Query.transactions":          everybody,
	"Query.categories":            everybody,
	"Query.insightDefinitions":    everybody,
	"Query.customerSubscriptions": customers,
	"Query.userSubscriptions":     everybody,
	"Query.feed":                  everybody,
	"Query.publicKeys":            customers,
	"Query.banks":                 everybody,
	"Query.session":               customers,
	"Query.flow":                  customers,
	"Query.refresh":               customers,
	"Query.automaticRefreshes":    customers,
	"Query.dataSources":           customers,
	"Query.case":                  customers,
	"Query.reportDefinitions":     everybody,
	"Query.report":                everybody,
	"Query.reports":               everybody,
	"Query.categoryRules":         customers,
	"Query.deliveries":            customers,
	"Query.events":                customers,

	"Mutation.createConsumer":              customers,
	"Mutation.updateConsumer":              customers,
	"Mutation.deleteConsumer":              customers,
	"Mutation.createAccount":               customers,
	"Mutation.updateAccount":               customers,
	"Mutation.deleteAccount":               customers,
	"Mutation.createTransactions":          customers,
	"Mutation.updateTransaction":           customers,
	"Mutation.deleteTransactions":          customers,
	"Mutation.categorizeTransaction":       everybody,
	"Mutation.separateTransfer":            customers,
	"Mutation.updateCustomerSubscriptions": customers,
	"Mutation.updateUserSubscriptions":     everybody,
	"Mutation.resetUserSubscriptions":      everybody,
	"Mutation.triggerInsights":             everybody,
	"Mutation.createSession":               customers,
	"Mutation.closeSession":                customers,
	"Mutation.startInsightsRefreshFlow":    customers,
	"Mutation.abortFlow":                   customers,
	"Mutation.startConsentRefresh":         customers,
	"Mutation.revokeConsent":               everybody,
	"Mutation.scheduleAutomaticRefresh":    customers,
	"Mutation.unscheduleAutomaticRefresh":  customers,
	"Mutation.registerConnectOrigin":       customers,
	"Mutation.removeConnectOrigin":         customers,
	"Mutation.synchronizeAccounts":         customers,
	"Mutation.createCase":                  customers,
	"Mutation.createReport":                customers,
	"Mutation.createReportLink":            customers,
	"Mutation.importStatement":             customers,
	"Mutation.saveCategoryRule":            customers,
	"Mutation.deleteCategoryRule":          customers,
	"Mutation.rotateWebhookSecret":         customers,
	"Mutation.redeliver":                   customers,
	"Mutation.registerPublicKey":           customers,
	"Mutation.revokePublicKey":             customers,
}

var forbidden = fault.New(fault.Forbidden, "", "A user-level token may not do this")

// may tells whether a viewer may use a field.
func may(v auth.Viewer, object, field string) bool {
	if object != "Query" && object != "Mutation" || strings.HasPrefix(field, "__") {
		return true
	}
	return slices.Contains(allowed[object+"."+field], v.Role())
}

// authorize is called around every field that gqlgen's own way resolves.
func authorize(ctx context.Context, next graphql.Resolver) (any, error) {
	field := graphql.GetFieldContext(ctx)
	if !may(auth.From(ctx), field.Object, field.Field.Name) {
		return nil, forbidden
	}
	return next(ctx)
}
