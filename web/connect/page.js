// The page in which a consumer links a bank. It shows what the server says (the view) and sends what the consumer does;
// it decides nothing. Data becomes text nodes only, never HTML. What the consumer types is in the form and nowhere else.
import { languageOf, words } from "./words.js";

const framed = window.parent !== window;
const handle = location.pathname.split("/").pop();
const api = new URL("../api/", location.href);
const $ = (id) => document.getElementById(id);

let token = ""; // HANDLE.SECRET
let opener = ""; // origin of the page that frames this one, once it is known to be allowed
let options = {};
let view = null; // what the server said last
let chosen = null; // the bank of the agreement that is shown
let opened = false; // the bank's own page was opened
let busy = false; // an action is on its way
let typed = {}; // text fields, kept over a wrong password; never a password or a code
let shown = ""; // what is drawn: screen and all that would change it
let screen = "";
let timer = 0;
let skew = 0; // the server's clock minus ours
let language = languageOf(navigator.language);

// say is a sentence in the consumer's language.
function say(name, places = {}) {
  const all = { customer: view?.customer ?? "", bank: (view?.bank ?? chosen)?.name ?? "", days: view?.consentDays ?? 0, ...places };
  return words[language][name].replace(/\{(\w+)\}/g, (_, place) => all[place]);
}

// locale is the browser's own variant of the language, so that an Austrian sees Austrian dates.
const locale = () => navigator.languages.find((name) => /^[a-z]{2}(-[A-Z]{2})?$/.test(name) && name.startsWith(language)) ?? language;

// make builds an element. Properties are set as they are, names with a dash as attributes.
function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name.includes("-") || name === "role" || name === "for" || name === "class") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// icon draws a path.
function icon(path, kind = "icon") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", kind);
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const paths = { check: "M5 13l4 4L19 7", cross: "M7 7l10 10M17 7L7 17", alert: "M12 4v10M12 19v.5", phone: "M8.5 2h7a2 2 0 0 1 2 2v16a2 2 0 0 1-2 2h-7a2 2 0 0 1-2-2V4a2 2 0 0 1 2-2zM11 18.5h2", out: "M13 5h6v6M19 5l-9 9M9 5H5v14h14v-4" };

/* ---- The server ---- */

class Gone extends Error {} // the token opens nothing, or not any more
class Refused extends Error {} // no such request

// call asks the API, again and again while the server cannot be reached. An action may be sent twice: it carries the
// version that it is for, so that it is done once.
async function call(path, body, { once = false, signal } = {}) {
  for (let wait = 1000; ; wait = Math.min(2 * wait, 15000)) {
    const limit = new AbortController();
    const late = setTimeout(() => limit.abort(), once ? 5000 : 30000);
    const stop = () => limit.abort();
    signal?.addEventListener("abort", stop);
    try {
      const answer = await fetch(new URL(path, api), {
        method: body ? "POST" : "GET",
        headers: { Authorization: "Bearer " + token, "Accept-Language": language, ...(body && { "Content-Type": "application/json" }) },
        body: body && JSON.stringify(body), cache: "no-store", credentials: "omit", redirect: "error", signal: limit.signal,
      });
      if (answer.status === 401) throw new Gone();
      if (answer.ok || answer.status === 409) {
        const data = await answer.json();
        trouble("");
        return data;
      }
      if (answer.status < 500 && answer.status !== 429) throw new Refused();
    } catch (error) {
      if (error instanceof Gone || error instanceof Refused || signal?.aborted) throw error;
    } finally {
      clearTimeout(late);
      signal?.removeEventListener("abort", stop);
    }
    if (once) throw new Refused();
    trouble(navigator.onLine ? "noServer" : "offline");
    await patience(wait, signal);
    if (signal?.aborted) throw new Refused();
  }
}

// patience waits a while, or until the browser is online again or the consumer does not want to wait.
const patience = (milliseconds, signal) => new Promise((resolve) => {
  const done = () => {
    clearTimeout(timeout);
    removeEventListener("online", done);
    $("again").removeEventListener("click", done);
    signal?.removeEventListener("abort", done);
    resolve();
  };
  const timeout = setTimeout(done, milliseconds);
  addEventListener("online", done);
  $("again").addEventListener("click", done);
  signal?.addEventListener("abort", done);
});

// trouble says what is wrong with the line to the server; "": nothing.
function trouble(name) {
  if (final()) name = "";
  if (name && $("card").hidden) { // before the first view
    dress();
    $("card").hidden = false;
  }
  $("trouble").hidden = !name;
  put($("troubleText"), name && say(name));
  $("again").hidden = name === "refused";
}

// put sets a text if it is another one, so that a screen reader says it once.
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

let looking = null; // the poll on its way

// look asks how the flow is.
async function look() {
  clearTimeout(timer);
  looking?.abort();
  const mine = (looking = new AbortController());
  try {
    const fresh = await call("flow", undefined, { signal: mine.signal });
    if (!mine.signal.aborted) show(fresh);
  } catch (error) {
    if (!mine.signal.aborted) lost(error);
  }
}

let queued = null; // what the consumer wants as soon as the bank's answer is there

// send does an action, once: what comes while one is on its way is a second click. Only the way back from the waiting for
// the bank's app is kept for later, as that asks by itself all the time.
async function send(action, quiet = false) {
  if (busy || view.state === "PROCESSING") {
    if (screen === "confirm") queued = action;
    return;
  }
  clearTimeout(timer);
  looking?.abort();
  busy = true;
  if (!quiet) waiting(true);
  let fresh = null;
  try {
    fresh = await call("flow", { version: view.version, ...action });
  } catch (error) {
    if (!(error instanceof Refused)) return lost(error);
  } finally {
    busy = false;
    waiting(false);
  }
  if (fresh) return show(fresh);
  await look();
  trouble("refused");
}

function waiting(on) {
  $("main").setAttribute("aria-busy", on);
  $("main").querySelector(".primary")?.classList.toggle("busy", on);
}

function lost(error) {
  if (error instanceof Refused) {
    trouble("refused");
    return;
  }
  if (!(error instanceof Gone)) throw error;
  clearTimeout(timer);
  shown = "";
  dress();
  draw("gone", () => ending("cross", "goneTitle", [say("goneText")]));
  $("close").hidden = !opener;
  $("expiry").textContent = "";
  tell("error", { category: "USER.SESSION", message: say("goneTitle") });
}

/* ---- The page that frames this one ---- */

const told = new Set();

// tell posts an event to the page that frames this one, each once.
function tell(name, detail = {}) {
  if (!opener || told.has(name)) return;
  told.add(name);
  window.parent.postMessage({ insightgraph: "event", name, detail }, opener);
}

// allows tells whether an origin is one of those registered; "http://localhost:*" is every port.
const allows = (origins, origin) => origins.some((one) => one === origin
  || (one.endsWith(":*") && (origin === one.slice(0, -2) || (origin.startsWith(one.slice(0, -1)) && /^\d+$/.test(origin.slice(one.length - 1))))));

async function hello(event) {
  const { insightgraph, token: given, options: wanted } = Object(event.data);
  if (event.source !== window.parent || insightgraph !== "hello" || token || typeof given !== "string" || given.split(".")[0] !== handle) return;
  token = given;
  options = Object(wanted);
  dressing();
  try {
    const first = await call("flow");
    if (!allows(first.origins, event.origin)) {
      $("card").hidden = true;
      return;
    }
    opener = event.origin;
    show(first);
  } catch (error) {
    lost(error);
  }
}

function dressing() {
  if (["light", "dark"].includes(options.appearance)) document.documentElement.dataset.appearance = options.appearance;
  language = languageOf(options.language || navigator.language);
}

/* ---- What is shown ---- */

const final = () => ["FINISHED", "ABORTED", "EXCEPTION"].includes(view?.state);
const testing = () => view.sandbox || Boolean(chosen?.code.startsWith("sandbox"));

// screenOf is the screen for a view.
function screenOf() {
  if (final()) return view.state.toLowerCase();
  if (view.state === "PROCESSING") return screen === "confirm" && view.stage === "LOGIN" ? "confirm" : "processing";
  switch (view.stage) {
    case "BANK": return chosen ? "agree" : "banks";
    case "LOGIN": return { CONFIRM: "confirm", REDIRECT: "redirect" }[view.step.kind] ?? "login";
    case "ACCOUNTS": return "accounts";
  }
  return "processing";
}

// show takes a view from the server. An older one than what is shown came late and is dropped.
function show(fresh) {
  if (view && fresh.version < view.version) return;
  const first = !view;
  const moved = first || fresh.version !== view.version;
  if (first) chosen = fresh.selectedBank;
  else if (moved) chosen = null;
  if (fresh.bank?.code !== view?.bank?.code) typed = {};
  view = fresh;
  skew = Date.parse(view.now) - Date.now();
  language = languageOf(view.language || options.language || navigator.language);
  if (moved) trouble("");
  render();
}

function render() {
  const next = screenOf();
  if (next !== "redirect") opened = false;
  dress();
  const screens = { banks, agree, login, confirm, redirect, accounts, processing, finished, aborted, exception };
  // A waiting screen stays as it is while only the version goes up; a form is a new one then, with nothing in it.
  const what = { confirm: [view.bank?.code, view.step?.note], redirect: [view.step?.url], processing: [view.stage], banks: [], agree: [view.version, chosen?.code] }[next] ?? [view.version];
  const key = JSON.stringify([next, language, ...what]);
  if (!(next === "confirm" && screen === "confirm" && view.state === "PROCESSING") && key !== shown) {
    shown = key;
    draw(next, screens[next]);
  }
  if (next === "processing") put($("slow"), view.slow ? say("slow") : "");
  if (final()) $("leave").close();
  tell("ready");
  if (view.state === "FINISHED") tell("finished");
  if (view.state === "ABORTED") tell("abort");
  if (view.state === "EXCEPTION") tell("error", { ...view.problem });
  schedule();
  const wanted = screen === "confirm" ? queued : null;
  if (wanted && view.state !== "CONSUMER_INPUT_NEEDED") return;
  queued = null;
  if (wanted) send(wanted);
}

// dress sets what stands around the screen.
function dress() {
  document.documentElement.lang = language;
  document.title = say("title");
  put($("heading"), view ? say("heading") : say("title"));
  put($("promise"), say("promise"));
  put($("again"), say("tryNow"));
  $("close").setAttribute("aria-label", say("close"));
  $("close").hidden = !view || (!framed && (final() || view.stage === "FETCH"));
  $("sandbox").hidden = !(view && testing());
  put($("sandbox"), say("sandbox"));
  $("card").hidden = false;
}

// draw replaces the screen. The first time the focus stays where it is, unless it is in this window already.
function draw(name, build) {
  const focus = document.hasFocus() || screen !== "";
  screen = name;
  const main = $("main");
  main.dataset.screen = name;
  put($("status"), "");
  main.replaceChildren(...build());
  steps(name);
  scrollTo(0, 0);
  if (focus && !$("leave").open) begin();
}

// begin puts the focus where the screen begins.
function begin() {
  ($("main").querySelector("[data-focus]") ?? $("main").querySelector("h1"))?.focus({ preventScroll: true });
}

function steps(name) {
  const at = { banks: 0, agree: 1, login: 1, confirm: 1, redirect: 1, accounts: 2, processing: view?.stage === "FETCH" ? 2 : 1, finished: 3 }[name];
  $("steps").hidden = at === undefined;
  if (at === undefined) return;
  const names = ["stepBank", "stepLogin", "stepAccounts", "stepDone"];
  $("steps").setAttribute("aria-label", say("steps"));
  $("steps").querySelector("ol").replaceChildren(...names.map((step, i) => {
    const past = i < at || name === "finished";
    return make("li", { class: past ? "past" : i === at ? "now" : "", "aria-current": i === at ? "step" : undefined },
      make("span", { class: "dot", "aria-hidden": "true" }, past ? icon(paths.check) : String(i + 1)),
      make("span", { class: "word" }, say(step), past ? make("span", { class: "unseen" }, " " + say("stepPast")) : null));
  }));
}

const title = (text) => make("h1", { tabIndex: -1 }, text);
const lead = (text) => make("p", { class: "lead" }, text);
const button = (id, text, click, kind = "") => make("button", { id, type: click ? "button" : "submit", class: kind, onclick: click }, text);
const actions = (...buttons) => make("div", { class: "actions" }, ...buttons);

// back is the way to another bank.
const back = () => button("back", say("otherBank"), () => send({ action: "back" }));

// form holds fields and sends them. The problem stands above the fields and is said with the first of them.
const form = (submit, ...children) => make("form", { noValidate: true, onsubmit: (event) => { event.preventDefault(); submit(event.target); } }, ...children);

const problem = (text) => make("p", { id: "problem", class: text ? "notice bad" : "", role: "alert" }, text ?? "");

// complain says what is wrong with an input, before it is sent.
function complain(text, input) {
  const place = $("problem");
  place.className = "notice bad";
  place.textContent = text;
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", ["problem", ...(input.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => id && id !== "problem")].join(" "));
  input.focus();
}

/* ---- Choosing a bank ---- */

let found = null; // the last answer to the search
let search = { text: "", country: "" };
let searching = null;

function banks() {
  const input = make("input", { id: "search", type: "search", autocomplete: "off", spellcheck: false, maxLength: 60, value: search.text, "aria-controls": "banks", "data-focus": "",
    oninput: () => { search.text = input.value; later(); },
    onkeydown: (event) => {
      if (event.key !== "ArrowDown" && event.key !== "Enter") return;
      event.preventDefault();
      $("banks").querySelector("button")?.focus();
    } });
  const country = make("select", { id: "country", onchange: () => { search.country = country.value; findBanks(); } });
  const list = make("ul", { id: "banks", "aria-label": say("banksList"), onkeydown: walk });
  findBanks();
  return [title(say("banksTitle")),
    view.storeConsent === "REQUIRED" ? make("p", { id: "noConsentNote", class: "hint", hidden: true }, say("banksNoConsentNote")) : null,
    make("div", { class: "row" },
      make("div", { class: "field grow" }, make("label", { for: "search" }, say("banksSearch")), input),
      make("div", { id: "countryField", class: "field", hidden: true }, make("label", { for: "country" }, say("banksCountry")), country)),
    list, make("p", { id: "banksNote", class: "hint" })].filter(Boolean);
}

let pause = 0;
function later() {
  clearTimeout(pause);
  pause = setTimeout(findBanks, 150);
}

async function findBanks() {
  clearTimeout(pause);
  searching?.abort();
  const mine = (searching = new AbortController());
  try {
    const answer = await call("banks?" + new URLSearchParams(search), undefined, { signal: mine.signal });
    if (mine.signal.aborted || screen !== "banks") return;
    found = { ...answer, countries: answer.countries ?? [] };
    listBanks();
  } catch (error) {
    if (!mine.signal.aborted) lost(error);
  }
}

function listBanks() {
  const countries = new Intl.DisplayNames([locale()], { type: "region" });
  const nameOf = (code) => { try { return countries.of(code); } catch { return code; } };
  $("country").replaceChildren(make("option", { value: "" }, say("banksAll")),
    ...found.countries.map((code) => [nameOf(code), code]).sort((a, b) => a[0].localeCompare(b[0], language)).map(([name, code]) => make("option", { value: code }, name)));
  $("country").value = search.country;
  $("countryField").hidden = found.countries.length < 2;
  const lacking = (bank) => view.storeConsent === "REQUIRED" && !bank.consents;
  $("banks").replaceChildren(...found.banks.map((bank, i) => make("li", {},
    make("button", { type: "button", class: "bank", tabIndex: i ? -1 : 0, "data-code": bank.code, onclick: () => { chosen = bank; render(); } },
      make("span", { class: "badge", "aria-hidden": "true" }, [...bank.name.trim()][0]?.toUpperCase() ?? ""),
      make("span", { class: "grow" }, make("span", { class: "name" }, bank.name), make("span", { class: "sub" }, nameOf(bank.country)),
        lacking(bank) ? make("span", { class: "tag" }, say("banksNoConsent")) : null),
      icon("M9 6l6 6-6 6")))));
  if ($("noConsentNote")) $("noConsentNote").hidden = !found.banks.some(lacking);
  const count = found.banks.length;
  put($("banksNote"), count === 0 ? say("banksNone") : found.more ? say("banksMore", { count }) : "");
  put($("status"), count === 0 ? say("banksNone") : count === 1 ? say("banksOne") : say("banksFound", { count }));
}

// walk moves the focus through the list of banks with the arrow keys; it is one stop of the Tab key.
function walk(event) {
  const all = [...$("banks").querySelectorAll("button")];
  const at = all.indexOf(document.activeElement);
  const to = { ArrowDown: Math.min(at + 1, all.length - 1), ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined || at < 0) return;
  event.preventDefault();
  if (to < 0) return $("search").focus();
  all[at].tabIndex = -1;
  all[to].tabIndex = 0;
  all[to].focus();
}

/* ---- The agreement ---- */

function agree() {
  const date = (text) => new Intl.DateTimeFormat(locale(), { dateStyle: "long", timeZone: "UTC" }).format(new Date(text));
  const places = { bank: chosen.name };
  const lacking = view.storeConsent === "REQUIRED" && !chosen.consents;
  const asks = view.storeConsent === "OPTIONAL" && chosen.consents;
  const keeps = view.storeConsent === "REQUIRED" && chosen.consents;
  const row = (name, text) => [make("dt", {}, name), make("dd", {}, text)];
  const keep = asks ? make("input", { id: "keep", type: "checkbox", "aria-describedby": "keepHint" }) : null;
  const long = make("dd", {}, say(keeps ? "agreeDays" : "agreeOnce"));
  keep?.addEventListener("change", () => { long.textContent = say(keep.checked ? "agreeDays" : "agreeOnce"); });
  return [title(say("agreeTitle")), lead(say("agreeLead", places)),
    make("dl", { class: "facts" }, ...row(say("agreeAccounts"), say("agreeAccountsText")),
      ...row(say("agreeTransactions"), say("agreeTransactionsText", { from: date(view.days.from), to: date(view.days.to) })),
      make("dt", {}, say("agreeHow")), long),
    lacking ? make("p", { class: "notice warn" }, say("agreeNoConsent", places)) : null,
    form(() => send({ action: "bank", bank: chosen.code, store: keeps || Boolean(keep?.checked) }),
      keep ? make("div", { class: "tick box" }, keep, make("div", {}, make("label", { for: "keep" }, say("agreeKeep")), make("p", { id: "keepHint", class: "hint" }, say("agreeKeepHint")))) : "",
      make("p", { class: "hint" }, say("agreeNever")),
      actions(button("continue", say("agreeContinue"), null, "primary"), button("back", say("otherBank"), () => { chosen = null; render(); }))),
  ].filter(Boolean);
}

/* ---- Logging in ---- */

const fieldNames = { login: "fieldLogin", password: "fieldPassword", pin: "fieldPin", code: "fieldCode", method: "fieldMethod" };

function login() {
  const fields = view.step.fields ?? [];
  const { note } = view.step;
  const asksLogin = fields.some((field) => field.kind === "PASSWORD" || field.name === "login");
  return [title(say(asksLogin ? "loginTitle" : "codeTitle")),
    asksLogin && !note ? lead(say("loginLead")) : null, bankNote(note),
    form(answer, problem(view.problem?.message), ...fields.map((field, i) => fieldOf(field, i === 0)), actions(button("continue", say("continue"), null, "primary"), back()))].filter(Boolean);
}

// bankNote is what the bank itself says, marked as its words.
const bankNote = (note) => (note ? make("blockquote", {}, make("p", { class: "hint" }, say("bankSays")), make("p", { class: "note" }, note)) : null);

function fieldOf(field, first) {
  const name = field.label || (fieldNames[field.name] ? say(fieldNames[field.name]) : field.name);
  const id = "field-" + field.name;
  const wrong = first && view.problem ? { "aria-describedby": "problem", "aria-invalid": "true" } : {};
  if (field.kind === "CHOICE") {
    return make("fieldset", { class: "field", "data-name": name }, make("legend", {}, name), ...(field.options ?? []).map((option, i) =>
      make("div", { class: "tick box" },
        make("input", { id: id + i, type: "radio", name: field.name, value: option.value, checked: i === 0, ...(first && i === 0 ? { "data-focus": "", ...wrong } : {}) }),
        make("label", { for: id + i }, option.label || option.value))));
  }
  const secret = field.kind === "PASSWORD";
  const input = make("input", { id, name: field.name, type: secret ? "password" : "text", autocapitalize: "none", spellcheck: false, maxLength: 200,
    autocomplete: secret ? "current-password" : field.kind === "CODE" ? "one-time-code" : field.name === "login" ? "username" : "off",
    inputMode: field.kind === "CODE" ? "numeric" : undefined, value: field.kind === "TEXT" ? typed[field.name] ?? "" : "", "data-name": name, "aria-required": "true",
    ...(first ? { "data-focus": "" } : {}), ...wrong });
  const reveal = secret ? make("button", { type: "button", class: "reveal", "aria-pressed": "false", "aria-label": say("showLabel", { field: name }), onclick: () => {
    const on = input.type === "password";
    input.type = on ? "text" : "password";
    reveal.setAttribute("aria-pressed", on);
    reveal.textContent = say(on ? "hide" : "show");
  } }, say("show")) : null;
  return make("div", { class: "field" }, make("label", { for: id }, name), make("div", { class: "with" }, input, reveal));
}

function answer(element) {
  if (busy) return;
  const values = {};
  for (const input of element.elements) {
    if (!input.name || (input.type === "radio" && !input.checked)) continue;
    input.removeAttribute("aria-invalid");
    if (input.value.trim() === "") return complain(say("empty", { field: input.dataset.name }), input);
    values[input.name] = input.value;
  }
  for (const field of view.step.fields ?? []) if (field.kind === "TEXT") typed[field.name] = values[field.name];
  send({ action: "answer", values });
}

const spinner = (text) => make("p", { class: "spinner" }, make("span", { class: "wheel", "aria-hidden": "true" }), make("span", {}, text));

function confirm() {
  return [make("div", { class: "mark" }, icon(paths.phone)), title(say("confirmTitle")), lead(say("confirmText")), bankNote(view.step?.note),
    spinner(say("waiting")), actions(back())].filter(Boolean);
}

// webAddress is an address that may be opened: no script, no file.
function webAddress(text) {
  try {
    const url = new URL(text, location.href);
    return ["https:", "http:"].includes(url.protocol) ? url : null;
  } catch {
    return null;
  }
}

function redirect() {
  const url = webAddress(view.step.url);
  const host = url?.hostname ?? "";
  const href = view.step.leave; // by way of our server, which knows this browser again when it comes back
  if (!url) return [title(say("redirectTitle")), make("p", { class: "notice bad", role: "alert" }, say("redirectUnusable")), actions(back())];
  const link = make("p", { id: "link", class: "hint", role: "status" });
  const wait = make("div", { id: "waiting", hidden: !opened }, spinner(say("waiting")));
  const offer = (blocked) => {
    wait.hidden = false;
    link.replaceChildren(say(blocked ? "redirectBlocked" : "redirectHint"), " ", make("a", { href, target: "_blank", rel: "noopener noreferrer" }, say("redirectLink", { host })));
  };
  const open = () => {
    const page = window.open("", "_blank"); // within the click, so that it is not blocked
    opened = true;
    if (page) {
      page.opener = null; // the bank's page gets no hold of this one
      page.location.replace(href);
    }
    offer(!page);
  };
  if (opened) offer(false);
  const button = make("button", { id: "continue", type: "button", class: "primary", onclick: open }, icon(paths.out), say("redirectOpen"));
  return [title(say("redirectTitle")), lead(say("redirectText")), make("p", { class: "hint" }, say("redirectHost", { host })), bankNote(view.step.note),
    wait, link, actions(button, back())].filter(Boolean);
}

/* ---- Accounts ---- */

function accounts() {
  const all = make("input", { id: "all", type: "checkbox", onchange: () => { for (const tick of ticks) tick.checked = all.checked; sum(); } });
  const few = view.accounts.length === 1;
  const ticks = [];
  const rows = view.accounts.map((account, i) => {
    const id = "account-" + i;
    const tick = make("input", { id, type: "checkbox", name: "account", value: account.id, checked: few, "aria-describedby": id + "-more", onchange: sum });
    ticks.push(tick);
    const kind = words[language]["kind" + account.container] ?? "";
    const last = account.iban.slice(-4);
    return make("li", { class: "tick box" }, tick,
      make("div", { class: "grow" }, make("label", { for: id }, account.name || kind),
        make("p", { id: id + "-more", class: "sub" }, account.iban ? make("span", {}, make("span", { "aria-hidden": "true" }, account.iban), make("span", { class: "unseen" }, say("accountsEnding", { last }))) : kind)),
      account.balance === null || account.balance === undefined ? make("span", { class: "amount sub" }, account.currency) : make("span", { class: "amount" }, money(account.balance, account.currency)));
  });
  function sum() {
    const count = ticks.filter((tick) => tick.checked).length;
    all.checked = count === ticks.length;
    all.indeterminate = count > 0 && count < ticks.length;
    if (count && $("problem").textContent) {
      $("problem").className = $("problem").textContent = "";
      ticks[0].removeAttribute("aria-invalid");
    }
  }
  const pick = () => {
    const picked = ticks.filter((tick) => tick.checked).map((tick) => tick.value);
    if (!picked.length) return complain(say("accountsNone"), ticks[0]);
    send({ action: "accounts", accounts: picked });
  };
  return [title(say("accountsTitle")), lead(say("accountsText")),
    form(pick, problem(), make("fieldset", {}, make("legend", { class: "unseen" }, say("accountsLegend")),
      few ? "" : make("div", { class: "tick" }, all, make("label", { for: "all" }, say("accountsAll"))),
      make("ul", { class: "list" }, ...rows)), actions(button("continue", say("continue"), null, "primary"), back()))];
}

// money writes an amount; the text goes in as it is, so that no digit is lost.
function money(amount, currency) {
  try {
    return new Intl.NumberFormat(locale(), { style: "currency", currency }).format(amount);
  } catch {
    return amount + " " + currency;
  }
}

/* ---- Waiting and the end ---- */

function processing() {
  const fetching = view.stage === "FETCH";
  const text = fetching && view.bank ? say("workFetchText") : say("workText");
  return [title(say(fetching ? "workFetch" : "workLogin")), make("div", { class: "bar", role: "progressbar", "aria-label": say(fetching ? "workFetch" : "workLogin") }, make("span")),
    lead(text), make("p", { id: "slow", class: "hint", role: "status" })];
}

function ending(mark, name, texts) {
  const url = view?.returnUrl && webAddress(view.returnUrl);
  const out = framed ? (opener ? button("done", say("close"), leave, "primary") : null)
    : url ? make("a", { id: "done", class: "button primary", href: url.href }, say("backTo")) : null;
  return [make("div", { class: "mark " + mark }, icon(paths[mark])), title(say(name)), ...texts.filter(Boolean).map(lead),
    !framed && !url ? lead(say("mayClose")) : null, out ? actions(out) : null].filter(Boolean);
}

const finished = () => ending("check", "finishedTitle", [say("finishedText"), view.storing ? say("finishedStored") : null]);
const aborted = () => ending("cross", "abortedTitle", [view.problem ? say("abortedText") : say("abortedByCustomer")]);
const exception = () => ending("alert", "exceptionTitle", [view.problem?.message, say("exceptionText")]);

// hurry warns before the flow expires, and looks when it has.
function hurry() {
  const left = Date.parse(view.expiresAt) - Date.now() - skew;
  const soon = view.state === "CONSUMER_INPUT_NEEDED" && left < 120000;
  put($("expiry"), !soon ? "" : say(left < 60000 ? "expiresVerySoon" : "expiresSoon"));
  return left;
}

// schedule plans the next look: often while something is awaited, seldom where another window or the end of the time
// may have changed something.
function schedule() {
  clearTimeout(timer);
  const left = hurry();
  if (final()) return;
  const often = { processing: 1000, confirm: view.state === "PROCESSING" ? 1000 : 3000, redirect: 2000 }[screen] ?? 15000;
  const due = [often, ...[left, left - 60000, left - 120000].filter((time) => time > 0).map((time) => time + 200)];
  timer = setTimeout(() => {
    if (busy) return; // its answer plans the next
    if (screen === "confirm" && view.state === "CONSUMER_INPUT_NEEDED") send({ action: "answer", values: {} }, true);
    else look();
  }, Math.min(...due));
}

/* ---- Leaving ---- */

// leave closes what has ended, and asks before it ends what has not.
function leave() {
  if (screen === "gone" || final()) return closed();
  const kind = view.stage === "FETCH" ? "leaveFetch" : "leave";
  put($("leaveTitle"), say(kind + "Title"));
  put($("leaveText"), say(kind + "Text"));
  put($("stay"), say(kind + "Stay"));
  put($("go"), say(kind + "Go"));
  if (!$("leave").open) $("leave").showModal();
}

function closed() {
  told.delete("close");
  tell("close");
}

// give ends the flow. Where the server cannot be told, the flow ends by itself after a while.
async function give() {
  $("leave").close();
  if (final() || view.stage === "FETCH") return closed();
  clearTimeout(timer);
  looking?.abort();
  let after = null;
  try {
    after = await call("flow", { version: view.version, action: "abort" }, { once: true });
  } catch (error) {
    if (error instanceof Gone) return lost(error);
    after = { ...view, version: Infinity, state: "ABORTED", stage: "END", problem: { category: "USER.ABORTED" } };
  }
  show(after);
}

/* ---- Start ---- */

$("close").addEventListener("click", leave);
$("stay").addEventListener("click", () => $("leave").close());
$("go").addEventListener("click", give);
document.addEventListener("visibilitychange", () => { if (!document.hidden && view && !busy && !final() && screen !== "gone") look(); });
addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
// A frame that is drawn before it gets the focus begins when it does, unless something in it has the focus then.
addEventListener("focus", () => setTimeout(() => { if (document.activeElement === document.body) begin(); }), { once: true });
addEventListener("hashchange", () => location.reload());

if (framed) addEventListener("message", hello);
else if (location.hash.length > 1) {
  token = handle + "." + location.hash.slice(1);
  look();
} else lost(new Gone());
