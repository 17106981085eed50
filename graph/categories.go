package graph

import (
	"context"

	"insightgraph/category"
	"insightgraph/graph/generated"
)

// CategoryRules lists the customer's rules.
func (r query) CategoryRules(ctx context.Context) ([]category.CustomerRule, error) {
	return r.mine(ctx).CategoryRules(ctx)
}

// SaveCategoryRule makes or replaces a rule.
func (r mutation) SaveCategoryRule(ctx context.Context, in generated.SaveCategoryRuleInput) (*generated.SaveCategoryRulePayload, error) {
	rule := category.Rule{Name: in.Name, Text: orZero(in.Text), IBAN: orZero(in.Iban), MCC: orZero(in.Mcc), BaseType: orZero(in.BaseType),
		Category: categoryOf(in.CategoryID), Merchant: orZero(in.Merchant)}
	saved, n, err := r.mine(ctx).SaveCategoryRule(ctx, rule, orZero(in.ApplyToExisting))
	return &generated.SaveCategoryRulePayload{CategoryRule: saved, AffectedCount: n}, err
}

// DeleteCategoryRule deletes a rule. What it decided stays.
func (r mutation) DeleteCategoryRule(ctx context.Context, in generated.DeleteCategoryRuleInput) (*generated.DeleteCategoryRulePayload, error) {
	err := r.mine(ctx).DeleteCategoryRule(ctx, in.CategoryRuleID)
	return &generated.DeleteCategoryRulePayload{DeletedCategoryRuleID: in.CategoryRuleID}, at("categoryRuleId", err)
}
