// Package category says what a transaction was for: the tree of categories, and which one a transaction
// gets and why. It is pure: text and codes in, an answer with its reason out.
package category

import "insightgraph/bank"

// Type tells how a category counts.
type Type string

// The types.
const (
	Income        Type = "INCOME"
	Expense       Type = "EXPENSE"
	Transfer      Type = "TRANSFER"
	Uncategorized Type = "UNCATEGORIZED"
)

// Category is a node of a tree of two levels. IDs are stable: a category may be added, never renumbered.
type Category struct {
	ID     int
	Name   string
	Type   Type
	Parent int // 0 for the first level
}

// None is the category of a transaction that nothing is known about.
const None = 1

// The first level counts in hundreds; its children follow it. Names say what a person would call it.
var tree = []Category{
	{None, "Uncategorized", Uncategorized, 0},

	{100, "Income", Income, 0},
	{101, "Salary", Income, 100},
	{102, "Pension", Income, 100},
	{103, "Benefits", Income, 100},
	{104, "Interest and dividends", Income, 100},
	{105, "Rental income", Income, 100},
	{106, "Business income", Income, 100},
	{107, "Tax refund", Income, 100},
	{108, "Cash deposit", Income, 100},
	{109, "Refunds and reimbursements", Income, 100},
	{110, "Other income", Income, 100},
	{111, "Winnings", Income, 100},
	{112, "Maintenance received", Income, 100},

	{200, "Groceries", Expense, 0},
	{201, "Supermarkets", Expense, 200},
	{202, "Convenience stores", Expense, 200},
	{203, "Bakeries, butchers and markets", Expense, 200},
	{204, "Drinks and tobacco", Expense, 200},

	{300, "Fashion", Expense, 0},
	{301, "Clothing", Expense, 300},
	{302, "Shoes", Expense, 300},
	{303, "Accessories and jewellery", Expense, 300},
	{304, "Sportswear", Expense, 300},
	{305, "Children's clothing", Expense, 300},

	{400, "Eating out", Expense, 0},
	{401, "Restaurants", Expense, 400},
	{402, "Fast food and delivery", Expense, 400},
	{403, "Cafés", Expense, 400},
	{404, "Bars and pubs", Expense, 400},

	{500, "Housing", Expense, 0},
	{501, "Rent", Expense, 500},
	{502, "Mortgage", Expense, 500},
	{503, "Electricity, gas and water", Expense, 500},
	{504, "Home maintenance", Expense, 500},
	{505, "Furniture and household", Expense, 500},
	{506, "Garden and do-it-yourself", Expense, 500},

	{600, "Transport", Expense, 0},
	{601, "Fuel", Expense, 600},
	{602, "Public transport", Expense, 600},
	{603, "Taxi and sharing", Expense, 600},
	{604, "Parking and tolls", Expense, 600},
	{605, "Vehicle purchase, service and parts", Expense, 600},
	{606, "Electric charging", Expense, 600},
	{607, "Vehicle leasing", Expense, 600},

	{700, "Shopping", Expense, 0},
	{701, "Online marketplaces", Expense, 700},
	{702, "Electronics", Expense, 700},
	{703, "Books, music and games", Expense, 700},
	{704, "Drugstores and beauty", Expense, 700},
	{705, "Department and discount stores", Expense, 700},
	{706, "Gifts and flowers", Expense, 700},
	{707, "Pets", Expense, 700},
	{708, "Sports and hobbies", Expense, 700},
	{709, "Stationery and office supplies", Expense, 700},

	{800, "Health", Expense, 0},
	{801, "Pharmacies", Expense, 800},
	{802, "Doctors and hospitals", Expense, 800},
	{803, "Dentists and opticians", Expense, 800},
	{804, "Fitness", Expense, 800},
	{805, "Care and nursing", Expense, 800},

	{900, "Leisure", Expense, 0},
	{901, "Entertainment and events", Expense, 900},
	{902, "Streaming and media subscriptions", Expense, 900},
	{903, "Gambling", Expense, 900},
	{904, "Travel and holidays", Expense, 900},
	{905, "Hotels and lodging", Expense, 900},
	{906, "Flights", Expense, 900},

	{1000, "Communication", Expense, 0},
	{1001, "Mobile and internet", Expense, 1000},
	{1002, "Software and online services", Expense, 1000},
	{1003, "Post and parcels", Expense, 1000},
	{1004, "Broadcasting fee", Expense, 1000},

	{1100, "Insurance", Expense, 0},
	{1101, "Health insurance", Expense, 1100},
	{1102, "Vehicle insurance", Expense, 1100},
	{1103, "Life and pension insurance", Expense, 1100},
	{1104, "Home and liability insurance", Expense, 1100},
	{1105, "Legal protection insurance", Expense, 1100},
	{1106, "Travel insurance", Expense, 1100},
	{1107, "Other insurance", Expense, 1100},

	{1200, "Financial", Expense, 0},
	{1201, "Bank fees", Expense, 1200},
	{1202, "Interest paid", Expense, 1200},
	{1203, "Loan repayment", Expense, 1200},
	{1204, "Taxes", Expense, 1200},
	{1205, "Debt collection", Expense, 1200},
	{1206, "Returned payments", Expense, 1200},
	{1207, "Seizure", Expense, 1200},

	{1300, "Family and education", Expense, 0},
	{1301, "Childcare", Expense, 1300},
	{1302, "Education", Expense, 1300},
	{1303, "Maintenance and alimony", Expense, 1300},
	{1304, "Donations", Expense, 1300},
	{1305, "Memberships", Expense, 1300},

	{1400, "Services", Expense, 0},
	{1401, "Personal services", Expense, 1400},
	{1402, "Professional services", Expense, 1400},
	{1403, "Government services", Expense, 1400},
	{1404, "Other spending", Expense, 1400},

	{1500, "Cash withdrawal", Expense, 0},

	{1600, "Transfers", Transfer, 0},
	{1601, "Own accounts", Transfer, 1600},
	{1602, "Card payment", Transfer, 1600},
	{1603, "Savings and investments", Transfer, 1600},
	{1604, "To or from other people", Transfer, 1600},
	{1605, "Loan received", Transfer, 1600},
}

var byID = func() map[int]Category {
	m := make(map[int]Category, len(tree))
	for _, c := range tree {
		m[c.ID] = c
	}
	return m
}()

// Tree lists all categories, each parent before its children.
func Tree() []Category { return tree }

// ByID finds a category.
func ByID(id int) (Category, bool) { c, ok := byID[id]; return c, ok }

// Under lists the id and, for a first-level category, those of its children.
func Under(id int) []int {
	ids := []int{id}
	for _, c := range tree {
		if c.Parent == id {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// Ref names the category.
func (c Category) Ref() bank.Ref { return bank.Ref{Kind: bank.KindCategory, ID: int64(c.ID)} }

// Above is the first-level category that this one belongs to, nil for a first-level one.
func (c Category) Above() *Category {
	if c.Parent == 0 {
		return nil
	}
	parent := byID[c.Parent]
	return &parent
}
