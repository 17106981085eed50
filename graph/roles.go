package graph

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"insightgraph/auth"
	"insightgraph/fault"
)

// right says who may use the fields of a type: everybody with a token, or customers only. Whose data a field then shows is
// the tenant's matter.
type right struct{ everybody, customers string }

// rights names each field of each type once. A field that does not stand here may be used by nobody, so a new one needs a
// decision. Case and DataSource are for everybody because a consumer's own reports lead to them.
var rights = map[string]right{
	"Money":    {everybody: "amount currency"},
	"Period":   {everybody: "from to days"},
	"PageInfo": {everybody: "hasNextPage hasPreviousPage startCursor endCursor"},
	"Query": {
		everybody: "viewer node consumer transactions categories insightDefinitions userSubscriptions feed banks reportDefinitions report reports",
		customers: "consumers customerSubscriptions publicKeys session flow refresh automaticRefreshes dataSources case categoryRules deliveries events",
	},
	"Viewer":             {everybody: "role customer consumer"},
	"Customer":           {everybody: "id name timeZone currency createdAt", customers: "connectOrigins"},
	"Consumer":           {everybody: "id externalId timeZone currency createdAt accounts transactions feed categoryTotals consents"},
	"CategoryTotal":      {everybody: "category credit debit transactionCount"},
	"ConsumerConnection": {customers: "edges nodes pageInfo totalCount"},
	"ConsumerEdge":       {customers: "cursor node"},
	"Account":            {everybody: "id externalId consumer container type name providerName status currency iban balance creditLimit createdAt transactions"},
	"Balance":            {everybody: "current asOf"},
	"AccountConnection":  {everybody: "edges nodes pageInfo totalCount"},
	"AccountEdge":        {everybody: "cursor node"},
	"Transaction": {everybody: "id externalId account baseType amount bookingDate valueDate status description counterparty mcc merchant category categorySource categoryRule " +
		"categoryConfidence bankCode parts transfer createdAt"},
	"Counterparty":          {everybody: "name iban"},
	"Merchant":              {everybody: "id name"},
	"TransactionPart":       {everybody: "baseType amount description counterparty"},
	"Category":              {everybody: "id name type parent"},
	"TransactionConnection": {everybody: "edges nodes pageInfo totalCount"},
	"TransactionEdge":       {everybody: "cursor node"},
	"InsightDefinition":     {everybody: "name title type triggerType containers description applicableEntities defaultFrequency defaultDuration thresholds onDemand"},
	"ThresholdDefinition":   {everybody: "name type default minimum maximum"},
	"CustomerSubscription":  {customers: "insightName insightTitle insightType triggerType containers description applicableEntity customerConfiguration"},
	"UserSubscription":      {everybody: "insightName insightTitle insightType triggerType containers description applicableEntity userConfiguration customerConfiguration"},
	"InsightConfiguration":  {everybody: "entityType entityId isSubscribed frequency duration threshold"},
	"Threshold":             {everybody: "name type value"},
	"FeedEntry":             {everybody: "id insightName insightTitle insightType triggerType createdAt consumer period subscription accounts transactionDerived"},
	"FeedAccount":           {everybody: "id providerName name status type container"},
	"TransactionDerived":    {everybody: "creditTotal debitTotal spentPercent transactionCount excluded exchangeRates transactions changedSince"},
	"ExcludedTotals":        {everybody: "creditTotal debitTotal transactionCount"},
	"ExchangeRate":          {everybody: "from to rate day source bookedFrom bookedTo"},
	"FeedEntryConnection":   {everybody: "edges nodes pageInfo totalCount"},
	"FeedEntryEdge":         {everybody: "cursor node"},
	"TriggerRun":            {everybody: "id status requestedAt finishedAt asOf evaluations"},
	"Evaluation":            {everybody: "insightName consumer outcome reason feedEntry"},
	"EvaluationConnection":  {everybody: "edges nodes pageInfo totalCount"},
	"EvaluationEdge":        {everybody: "cursor node"},
	"PublicKey":             {customers: "keyId algorithm createdAt revokedAt"},
	"Bank":                  {everybody: "code name countryCode supportsConsents"},
	"BankConnection":        {everybody: "edges nodes pageInfo totalCount"},
	"BankEdge":              {everybody: "cursor node"},
	"Session":               {customers: "id createdAt expiresAt closedAt consentScope"},
	"ConsentScope":          {customers: "lifetimeDays"},
	"Problem":               {everybody: "category message"},
	"Flow":                  {customers: "id state error consumer accounts consentStored bank startedAt expiresAt finishedAt"},
	"Refresh":               {customers: "id state startedAt finishedAt error newTransactionCount"},
	"Consent":               {everybody: "id bank state since grantedAt expiresAt closedAt"},
	"AutomaticRefresh": {customers: "account interval intervalMinutes refreshDays lastRefreshAt lastRefreshState lastError lastSuccessfulRefreshAt nextRefreshAt failedCount " +
		"consentAuthorizationRequired"},
	"DataSource":       {everybody: "id status bankCode bankName accounts createdAt updatedAt error"},
	"Case":             {everybody: "id consumer dataSources accounts period createdAt reports"},
	"ReportDefinition": {everybody: "type title description"},
	"ReportConnection": {everybody: "edges nodes pageInfo totalCount"},
	"ReportEdge":       {everybody: "cursor node"},
	"ReportAccount":    {everybody: "id name providerName container type status currency iban firstDate lastDate transactionCount leftOut"},
	"ReportCoverage":   {everybody: "complete firstDate lastDate months monthsWithData averaged leftOut"},
	"ReportLeftOut":    {everybody: "reason transactionCount creditTotal debitTotal"},
	"ReportAmount":     {everybody: "total transactionCount"},
	"ReportMonth":      {everybody: "month total transactionCount"},
	"ReportCategory":   {everybody: "category total share transactionCount"},
	"ReportParty":      {everybody: "rank name party merchant total share transactionCount averageAmount paymentCount refundCount refundTotal firstDate lastDate interval"},
	"ReportSection":    {everybody: "kind total share averagePerMonth transactionCount monthly categories parties"},
	"ShoppingReport": {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions total averagePerMonth income groups compared " +
		"findings"},
	"ShoppingComparison":    {everybody: "recent before beforeMonths accountIds"},
	"ShoppingGroup":         {everybody: "kind total share averagePerMonth monthlyLimit transactionCount monthly stores categories"},
	"ShoppingFinding":       {everybody: "kind group store month period baselinePeriod message amount baseline changePercent percentOfIncome"},
	"BalancesReport":        {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions total byAccount"},
	"BalanceTotal":          {everybody: "accountIds summary"},
	"AccountBalanceSummary": {everybody: "accountId current asOf creditLimit summary overdraftDays overLimitDays"},
	"BalanceSummary":        {everybody: "covered opening closing minimum minimumDate maximum maximumDate average in out"},
	"BalanceOverTimeReport": {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions total series"},
	"BalanceLine":           {everybody: "accountId currency balances"},
	"DayBalance":            {everybody: "date balance"},
	"IncomeReport": {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions total averagePerMonth monthly categories " +
		"sources regularTotal regularShare notIncome"},
	"SpendingReport": {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions total averagePerMonth income shareOfIncome " +
		"monthly categories parties"},
	"SpendingCategory": {everybody: "category total share averagePerMonth transactionCount monthly categories"},
	"RentAndLivingReport": {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions tenure total averagePerMonth income " +
		"shareOfIncome monthly sections"},
	"InsuranceReport":      {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions total averagePerMonth monthly insurances"},
	"RecurringReport":      {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions lookedAt inPerMonth outPerMonth series"},
	"RecurringSeries":      {everybody: "party baseType category interval average smallest largest latest perMonth firstDate lastDate transactionCount nextDate ended changePercent"},
	"RiskIndicatorsReport": {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions present indicators"},
	"RiskIndicator":        {everybody: "kind transactionCount out in shareOfIncome monthsWithEvents monthly firstDate lastDate parties daysKnown overdrawn"},
	"OverdrawnAccount":     {everybody: "accountId days daysKnown lowest lowestDate longestDays"},
	"CategorizedTransactionsReport": {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions in out categorizedBy categorizedRate " +
		"inCategories outCategories"},
	"CategorySourceCount": {everybody: "source transactionCount"},
	"AccountInfoReport":   {everybody: "id type status createdAt finishedAt consumer case period accounts coverage transactionCount transactions infos"},
	"AccountInfo":         {everybody: "accountId country openedOn balance balanceAsOf creditLimit oldestTransactionDate newestTransactionDate transactionCount"},
	"CategoryRule":        {customers: "id name text iban mcc baseType category merchant createdAt"},
	"Delivery":            {customers: "id event url body status createdAt finishedAt attempts"},
	"DeliveryAttempt":     {customers: "number at statusCode problem milliseconds"},
	"DeliveryConnection":  {customers: "edges nodes pageInfo totalCount"},
	"DeliveryEdge":        {customers: "cursor node"},
	"Event":               {customers: "id at actor action subjectId consumerId requestId number hash"},
	"EventActor":          {customers: "kind name"},
	"EventConnection":     {customers: "edges nodes pageInfo totalCount"},
	"EventEdge":           {customers: "cursor node"},
	"Mutation": {
		everybody: "categorizeTransaction updateUserSubscriptions resetUserSubscriptions triggerInsights revokeConsent",
		customers: "createConsumer updateConsumer deleteConsumer createAccount updateAccount deleteAccount createTransactions updateTransaction deleteTransactions " +
			"separateTransfer updateCustomerSubscriptions createSession closeSession startInsightsRefreshFlow abortFlow startConsentRefresh " +
			"scheduleAutomaticRefresh unscheduleAutomaticRefresh registerConnectOrigin removeConnectOrigin synchronizeAccounts createCase createReport " +
			"createReportLink importStatement saveCategoryRule deleteCategoryRule rotateWebhookSecret redeliver registerPublicKey revokePublicKey",
	},
	"CreateConsumerPayload":              {customers: "consumer"},
	"UpdateConsumerPayload":              {customers: "consumer"},
	"DeleteConsumerPayload":              {customers: "deletedConsumerId deletedAccountCount deletedTransactionCount deletedFeedEntryCount"},
	"CreateAccountPayload":               {customers: "account"},
	"UpdateAccountPayload":               {customers: "account"},
	"DeleteAccountPayload":               {customers: "deletedAccountId deletedTransactionCount"},
	"CreateTransactionsPayload":          {customers: "createdCount updatedCount unchangedCount account"},
	"UpdateTransactionPayload":           {customers: "transaction"},
	"DeleteTransactionsPayload":          {customers: "deletedCount"},
	"CategorizeTransactionPayload":       {everybody: "transaction affectedCount"},
	"SeparateTransferPayload":            {customers: "transactions"},
	"UpdateCustomerSubscriptionsPayload": {customers: "customerSubscriptions"},
	"UpdateUserSubscriptionsPayload":     {everybody: "userSubscriptions"},
	"ResetUserSubscriptionsPayload":      {everybody: "userSubscriptions"},
	"TriggerInsightsPayload":             {everybody: "run"},
	"RegisterPublicKeyPayload":           {customers: "publicKey"},
	"RevokePublicKeyPayload":             {customers: "publicKey"},
	"CreateSessionPayload":               {customers: "session"},
	"CloseSessionPayload":                {customers: "session"},
	"StartInsightsRefreshFlowPayload":    {customers: "flow clientToken url"},
	"AbortFlowPayload":                   {customers: "flow"},
	"StartConsentRefreshPayload":         {customers: "refresh"},
	"RevokeConsentPayload":               {everybody: "consumer revokedConsentCount"},
	"ScheduleAutomaticRefreshPayload":    {customers: "automaticRefreshes"},
	"UnscheduleAutomaticRefreshPayload":  {customers: "unscheduledCount"},
	"RegisterConnectOriginPayload":       {customers: "connectOrigins"},
	"RemoveConnectOriginPayload":         {customers: "connectOrigins"},
	"SynchronizeAccountsPayload":         {customers: "dataSources"},
	"CreateCasePayload":                  {customers: "case"},
	"CreateReportPayload":                {customers: "report"},
	"CreateReportLinkPayload":            {customers: "url pdfUrl expiresAt"},
	"ImportStatementPayload":             {customers: "format accounts createdCount updatedCount unchangedCount rejected warnings"},
	"RejectedLine":                       {customers: "file line message"},
	"SaveCategoryRulePayload":            {customers: "categoryRule affectedCount"},
	"DeleteCategoryRulePayload":          {customers: "deletedCategoryRuleId"},
	"RotateWebhookSecretPayload":         {customers: "secret previousValidUntil"},
	"RedeliverPayload":                   {customers: "delivery"},
}

// allowed is rights by type and field: whether a user-level token may use it too.
var allowed = func() map[string]map[string]bool {
	all := make(map[string]map[string]bool, len(rights))
	for object, r := range rights {
		all[object] = map[string]bool{}
		for _, field := range strings.Fields(r.customers) {
			all[object][field] = false
		}
		for _, field := range strings.Fields(r.everybody) {
			all[object][field] = true
		}
	}
	return all
}()

var forbidden = fault.New(fault.Forbidden, "", "A user-level token may not do this")

// may tells whether a viewer may use a field.
func may(v auth.Viewer, object, field string) bool {
	consumers, known := allowed[object][field]
	if !known { // introspection, which limits has let through
		return strings.HasPrefix(object, "__") || strings.HasPrefix(field, "__")
	}
	return consumers || v.Role() == auth.RoleCustomer
}

// authorize is called around every field that gqlgen's own way resolves.
func authorize(ctx context.Context, next graphql.Resolver) (any, error) {
	field := graphql.GetFieldContext(ctx)
	if !may(auth.From(ctx), field.Object, field.Field.Name) {
		return nil, forbidden
	}
	return next(ctx)
}
