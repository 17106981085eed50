// node audit.mjs URL: runs the server audits of graphql-http with the token of the environment, and prints one JSON object
// by the audits' ids.
import { serverAudits } from "graphql-http";

const authorization = "Bearer " + process.env.TOKEN;
const fetchFn = (url, options = {}) => fetch(url, { ...options, headers: { ...options.headers, authorization } });
const results = {};
for (const audit of serverAudits({ url: process.argv[2], fetchFn })) {
  const { status, reason } = await audit.fn();
  results[audit.id] = { name: audit.name, status, reason };
}
console.log(JSON.stringify(results));
