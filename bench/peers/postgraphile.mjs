// PostGraphile 5 on the bench's database: postgraphile.mjs PORT DATABASE_URL
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { grafserv } from "postgraphile/grafserv/node";
import { makePgService } from "postgraphile/adaptors/pg";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";

const [port, connectionString] = process.argv.slice(2);
const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  disablePlugins: ["PgIndexBehaviorsPlugin"], // any order may be asked for
  pgServices: [makePgService({ connectionString, schemas: ["public"], poolConfig: { max: 16 } })],
  grafserv: { port: +port, host: "127.0.0.1", graphqlPath: "/graphql", watch: false, graphiql: false },
  grafast: { explain: false },
  schema: { exportSchemaSDLPath: process.env.SDL || undefined },
});
const server = createServer();
server.on("error", (e) => { console.error(e); process.exit(1); });
await instance.createServ(grafserv).addTo(server);
server.listen(+port, "127.0.0.1", () => console.log("PostGraphile on", process.version));
