// The page at "/": GraphiQL, told by /playground/config.json where the API is, as whom to ask, and which examples to open.
import '@graphiql/react/style.css';
import '@graphiql/plugin-doc-explorer/style.css';
import '@graphiql/plugin-history/style.css';
import '@graphiql/plugin-explorer/style.css';
import 'graphiql/graphiql.css';
import './page.css';
import { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { GraphiQL, HISTORY_PLUGIN } from 'graphiql';
import { ToolbarButton, ToolbarMenu, useGraphiQL, useGraphiQLActions } from '@graphiql/react';
import { explorerPlugin } from '@graphiql/plugin-explorer';
import JsonWorker from 'monaco-editor/esm/vs/language/json/json.worker.js?worker';
import GraphQLWorker from 'monaco-graphql/esm/graphql.worker.js?worker';
import EditorWorker from 'monaco-editor/esm/vs/editor/editor.worker.js?worker';

globalThis.MonacoEnvironment = {
  getWorker: (_id, label) => new ({ json: JsonWorker, graphql: GraphQLWorker }[label] ?? EditorWorker)(),
};

const json = (value) => JSON.stringify(value, null, 2);
const plugins = [HISTORY_PLUGIN, explorerPlugin()];

// What an answer that is no JSON (a proxy's error page, an empty 502) is shown as.
const notJSON = (response, body) => ({
  errors: [{ message: `The server answered ${response.status} ${response.statusText}`.trim(), extensions: { body } }],
});

let passed = false; // the last request went through

const configuration = '/playground/config.json';

// The first request for the schema is made before the headers pane exists, so headers that are not given are the default
// ones; a pane that says {} sends none. An "Authorization" that still lacks its token is left out. The page's own token ends
// after a while: it stands for a new one then, and who has put in another is told that it has ended.
const fetcherFor = (endpoint, token) => {
  const own = `Bearer ${token}`;
  let fresh = own;
  const ask = (params, headers) => fetch(endpoint, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Accept: 'application/graphql-response+json, application/json;q=0.9', ...headers },
    body: JSON.stringify(params),
  });
  return async (params, { headers = { Authorization: own } } = {}) => {
    const { Authorization: authorization, ...rest } = headers;
    const mine = token && authorization === own;
    const bearer = () => (/^Bearer\s*$/i.test(authorization ?? '') ? {} : { Authorization: mine ? fresh : authorization });
    let response = await ask(params, { ...rest, ...bearer() });
    if (response.status === 401 && mine) { // nothing was done
      const config = await fetch(configuration).then((r) => (r.ok ? r.json() : {}));
      if (config.token) {
        fresh = `Bearer ${config.token}`;
        response = await ask(params, { ...rest, ...bearer() });
      }
    }
    passed = response.ok;
    const body = await response.text();
    try {
      return JSON.parse(body);
    } catch {
      return notJSON(response, body);
    }
  };
};

// GraphiQL's history keeps the headers of every request. A token must be neither left in the browser nor come back when it
// is no longer good, so headers are taken out on the way in, and are the fresh ones on the way out.
const storageFor = (defaultHeaders) => {
  const history = /^graphiql:(queries|favorites)$/;
  const withHeaders = (value, headers) => JSON.stringify(JSON.parse(value), (key, v) => (v?.query ? { ...v, headers } : v));
  const keys = () => Object.keys(localStorage).filter((key) => key.startsWith('graphiql:'));
  return {
    getItem(key) {
      const value = localStorage.getItem(key);
      return value && history.test(key) ? withHeaders(value, defaultHeaders) : value;
    },
    setItem: (key, value) => localStorage.setItem(key, history.test(key) ? withHeaders(value, undefined) : value),
    removeItem: (key) => localStorage.removeItem(key),
    clear: () => keys().forEach((key) => localStorage.removeItem(key)),
    get length() {
      return keys().length;
    },
  };
};

// Asks for the schema again once a request has gone through without one (a token was pasted), and lets the editors follow
// when the system changes between light and dark.
function Follow() {
  const { introspect, setTheme } = useGraphiQLActions();
  const { isFetching, missing, theme } = useGraphiQL((s) => ({ isFetching: s.isFetching, missing: !s.schema && !!s.fetchError, theme: s.theme }));
  useEffect(() => {
    if (!isFetching && missing && passed) introspect();
  }, [isFetching]);
  useEffect(() => {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    const follow = () => theme || setTheme(null);
    dark.addEventListener('change', follow);
    return () => dark.removeEventListener('change', follow);
  }, [theme]);
}

const listIcon = (
  <svg className="graphiql-toolbar-icon" viewBox="0 0 20 20" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
    <path d="M3 4h2m3 0h9M3 10h2m3 0h9M3 16h2m3 0h9" />
  </svg>
);

// The examples again, for whoever has closed or changed the tabs they came in.
function Examples({ examples }) {
  const { addTab } = useGraphiQLActions();
  const { queryEditor, variableEditor } = useGraphiQL((s) => ({ queryEditor: s.queryEditor, variableEditor: s.variableEditor }));
  const open = ({ query, variables }) => {
    addTab();
    queryEditor.setValue(query);
    variableEditor.setValue(variables ?? '');
  };
  return (
    <ToolbarMenu button={<ToolbarButton label="Open an example">{listIcon}</ToolbarButton>}>
      {examples.map((e) => <ToolbarMenu.Item key={e.name} onSelect={() => open(e)}>{e.name}</ToolbarMenu.Item>)}
    </ToolbarMenu>
  );
}

function Page({ endpoint, token, login, examples, problem }) {
  const defaultHeaders = json({ Authorization: `Bearer ${token}` });
  const [anonymous, setAnonymous] = useState(!token);
  const [fetcher] = useState(() => fetcherFor(endpoint, token));
  const [storage] = useState(() => storageFor(defaultHeaders));
  if (examples.length && !localStorage.getItem('graphiql:tabState')) {
    // GraphiQL fills its editors from these keys, not from the first tab.
    storage.setItem('graphiql:query', examples[0].query);
    storage.setItem('graphiql:variables', examples[0].variables ?? '');
  }
  return (
    <>
      {anonymous && (
        <p className="hint" role="status">
          {problem ?? <><code>POST /auth/token</code> gives you a token. Paste it after <code>Bearer</code> in the <b>Headers</b> pane below.</>}
        </p>
      )}
      <GraphiQL
        fetcher={fetcher}
        storage={storage}
        plugins={plugins}
        defaultTabs={examples.length ? examples.map(({ query, variables }) => ({ query, variables })) : undefined}
        defaultHeaders={defaultHeaders}
        defaultEditorToolsVisibility={token ? 'variables' : 'headers'}
        shouldPersistHeaders={false}
        onEditHeaders={(text) => setAnonymous(!/Bearer\s+[^\s"]/i.test(text))}
      >
        <GraphiQL.Logo>
          <span className="title">Insightgraph</span>
          <span className="login" title={login && 'Whom the token in the headers stands for'}>{login}</span>
          <a href="/playground/NOTICE.txt" target="_blank" title="What this page is made of, and under which licences">Licences</a>
        </GraphiQL.Logo>
        <GraphiQL.Toolbar>
          {({ prettify, merge, copy }) => <>{prettify}{merge}{copy}{examples.length > 0 && <Examples examples={examples} />}</>}
        </GraphiQL.Toolbar>
        <Follow />
      </GraphiQL>
    </>
  );
}

const none = { endpoint: '/graphql', token: '', login: '', examples: [] };
const config = await fetch(configuration)
  .then(async (r) => (r.ok ? r.json() : { ...none, problem: `The server gave no token: ${await r.text()}` }))
  .catch((e) => ({ ...none, problem: `The server does not answer: ${e.message}` }));
createRoot(document.getElementById('root')).render(<Page {...config} />);
