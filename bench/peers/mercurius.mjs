// Mercurius with just-in-time compilation, loaders and prepared statements: mercurius.mjs PORT DATABASE_URL CUSTOMER
import Fastify from "fastify";
import mercurius from "mercurius";
import pg from "pg";

const [port, connectionString, customer] = process.argv.slice(2);
const pool = new pg.Pool({ connectionString, max: 16, options: "-c plan_cache_mode=force_generic_plan" });
pg.types.setTypeParser(1082, (v) => v); // days stay text

const schema = `
scalar Decimal scalar Date scalar DateTime scalar JSON
type Query { consumer(id: ID!): Consumer transactions(consumer: ID, account: ID, first: Int!, afterDate: Date, afterId: ID): TransactionConnection! feed(consumer: ID!, first: Int!): EntryConnection! }
type Consumer { id: ID! externalId: String timeZone: String! currency: String! accounts(first: Int!): [Account!]! feed(first: Int!): EntryConnection! categoryTotals(month: Date!): [CategoryTotal!]! }
type Account { id: ID! name: String! providerName: String! container: String! type: String! currency: String! transactions(first: Int!): TransactionConnection! }
type TransactionConnection { nodes: [Transaction!]! pageInfo: PageInfo! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type Transaction { id: ID! bookingDate: Date! amount: Decimal! currency: String! baseType: String! description: String! categoryId: Int! merchantName: String }
type EntryConnection { nodes: [Entry!]! pageInfo: PageInfo! }
type Entry { id: ID! insight: String! title: String! createdAt: DateTime! windowFrom: Date! windowTo: Date! accounts: JSON! transactionDerived: JSON }
type CategoryTotal { categoryId: Int! currency: String! credit: Decimal! debit: Decimal! count: Int! }`;

const row = `t.id, t.account_id, t.booking_date AS "bookingDate", t.amount, t.currency, t.base_type AS "baseType", t.description, t.category_id AS "categoryId", t.merchant_name AS "merchantName"`;
const entry = `f.id, f.consumer_id, f.insight, f.title, f.created_at AS "createdAt", f.window_from AS "windowFrom", f.window_to AS "windowTo", f.accounts, f.transaction_derived AS "transactionDerived"`;

const ask = async (name, text, ...values) => (await pool.query({ name, text, values: [customer, ...values] })).rows;
const page = (rows, first, cursor) => {
  const hasNextPage = rows.length > first;
  if (hasNextPage) rows.length = first;
  return { nodes: rows, pageInfo: { hasNextPage, endCursor: rows.length ? cursor(rows[rows.length - 1]) : null } };
};
const byDay = (t) => t.bookingDate + "." + t.id;
const byMoment = (f) => +f.createdAt + "." + f.id;
const grouped = (queries, rows, key) => {
  const groups = new Map(queries.map((q) => [q.obj.id, []]));
  for (const r of rows) groups.get(r[key]).push(r);
  return queries.map((q) => groups.get(q.obj.id));
};

const resolvers = {
  Query: {
    consumer: async (_, { id }) => (await ask("consumer", `SELECT id, external_id AS "externalId", time_zone AS "timeZone", currency FROM consumers WHERE customer_id = $1 AND id = $2`, id))[0] ?? null,
    transactions: async (_, a) => {
      const order = `ORDER BY t.booking_date DESC, t.id DESC`;
      const rows = a.account
        ? await ask("list", `SELECT ${row} FROM transactions t WHERE customer_id = $1 AND consumer_id = $2 AND account_id = $3 ${order} LIMIT $4`, a.consumer, a.account, a.first + 1)
        : a.afterId
          ? await ask("after", `SELECT ${row} FROM transactions t WHERE customer_id = $1 AND (booking_date, id) < ($2, $3) ${order} LIMIT $4`, a.afterDate, a.afterId, a.first + 1)
          : await ask("first", `SELECT ${row} FROM transactions t WHERE customer_id = $1 ${order} LIMIT $2`, a.first + 1);
      return page(rows, a.first, byDay);
    },
    feed: async (_, a) => page(await ask("entries", `SELECT ${entry} FROM feed_entries f WHERE customer_id = $1 AND consumer_id = $2 ORDER BY created_at DESC, id DESC LIMIT $3`, a.consumer, a.first + 1), a.first, byMoment),
  },
};
const ids = (queries) => queries.map((q) => q.obj.id);
const loaders = {
  Consumer: {
    accounts: async (queries) => grouped(queries, await ask("accounts", `SELECT id, consumer_id, name, provider_name AS "providerName", container, type, currency FROM accounts
      WHERE customer_id = $1 AND consumer_id = ANY($2::bigint[]) ORDER BY consumer_id, id DESC`, ids(queries)), "consumer_id").map((rows) => rows.slice(0, queries[0].params.first)),
    feed: async (queries) => grouped(queries, await ask("feed", `SELECT f.* FROM unnest($2::bigint[]) WITH ORDINALITY c(id, n) CROSS JOIN LATERAL
      (SELECT ${entry} FROM feed_entries f WHERE f.customer_id = $1 AND f.consumer_id = c.id ORDER BY f.created_at DESC, f.id DESC LIMIT $3) f ORDER BY c.n`,
      ids(queries), queries[0].params.first + 1), "consumer_id").map((rows) => page(rows, queries[0].params.first, byMoment)),
    categoryTotals: async (queries) => grouped(queries, await ask("totals", `SELECT a.consumer_id, m.category_id AS "categoryId", a.currency, sum(m.credit) AS credit, sum(m.debit) AS debit, sum(m.count)::int AS count
      FROM accounts a JOIN category_months m ON m.customer_id = $1 AND m.consumer_id = a.consumer_id AND m.account_id = a.id AND m.month = $3 AND m.count > 0
      WHERE a.customer_id = $1 AND a.consumer_id = ANY($2::bigint[]) AND a.status = 'ACTIVE' GROUP BY 1, 2, 3 ORDER BY 5 DESC, 2, 3`, ids(queries), queries[0].params.month), "consumer_id"),
  },
  Account: {
    transactions: async (queries) => grouped(queries, await ask("newest", `SELECT t.* FROM unnest($2::bigint[], $3::bigint[]) WITH ORDINALITY a(consumer_id, id, n) CROSS JOIN LATERAL
      (SELECT ${row} FROM transactions t WHERE t.customer_id = $1 AND t.consumer_id = a.consumer_id AND t.account_id = a.id ORDER BY t.booking_date DESC, t.id DESC LIMIT $4) t ORDER BY a.n`,
      queries.map((q) => q.obj.consumer_id), ids(queries), queries[0].params.first + 1), "account_id").map((rows) => page(rows, queries[0].params.first, byDay)),
  },
};
const app = Fastify();
app.register(mercurius, { schema, resolvers, loaders, jit: 1, cache: true });
await app.listen({ port: +port, host: "127.0.0.1" });
console.log("Mercurius on", process.version);
