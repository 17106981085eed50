// The launcher of the connect app, for the pages of customers:
//
//   <script src="https://SERVER/connect/app.js"></script>
//   InsightConnect.configure({ language: "de" });
//   InsightConnect.startFlow(clientToken, { onFinished() { … } });
//
// configure takes
//   language    "en" or "de", where the session has none; otherwise the browser's
//   appearance  "light" or "dark"; otherwise "auto", as the consumer's system has it
//   container   an element, or a selector of one, that the page fills; otherwise it opens in a window above the page
//   autoClose   false: the window stays until the consumer closes it; otherwise it closes a moment after the flow has
//               finished or was aborted. After an error it stays: the consumer reads what went wrong.
//
// startFlow takes the client token and functions, all of them optional, and returns { close() }:
//   onLoad()                       the page is loaded
//   onReady()                      the consumer sees it
//   onFinished() onAbort()         the flow has ended; what counts is what your backend reads from flow(id)
//   onError({category, message})   so too, or the page could not be shown
//   onClose()                      the window is gone, always the last
//
// close() takes the window away and leaves the flow as it is; your backend can abort it.
//
// Your page's Content-Security-Policy has to allow SERVER in script-src and frame-src. Styles are set on elements only,
// which every policy allows. Your page's origin has to be registered.
(function () {
  "use strict";

  const script = document.currentScript;
  if (!script || !script.src) throw new Error("InsightConnect: load app.js with <script src=…>, not as a module");
  const server = new URL(script.src).origin;
  const base = new URL("flow/", script.src).href;

  const words = {
    en: { title: "Link your bank", close: "Close" },
    de: { title: "Bank verbinden", close: "Schließen" },
  };
  const patience = 15000; // for the page to become ready
  const farewell = 3000; // for the consumer to read that it worked

  let settings = { language: "", appearance: "auto", container: null, autoClose: true };
  let current = null;

  function configure(options) {
    settings = Object.assign({}, settings, options);
  }

  // style sets styles on an element; what a browser does not know it leaves out.
  function style(element, styles) {
    for (const name of Object.keys(styles)) element.style[name] = styles[name];
    return element;
  }

  function startFlow(token, callbacks) {
    if (current) current.close();
    const options = settings;
    const on = Object.assign({}, callbacks);
    const say = words[/^de\b/i.test(options.language || navigator.language) ? "de" : "en"];
    const heard = new Set();
    let over = false;
    let frame = null, box = null, wait = null, cover = null, timer = 0, loaded = false;
    let undo = function () {};

    // call runs one of the customer's functions; what it throws is the customer's, and reported as such.
    function call(name, detail) {
      if (typeof on[name] !== "function") return;
      try {
        on[name](detail);
      } catch (error) {
        setTimeout(function () { throw error; });
      }
    }

    function close() {
      if (over) return;
      over = true;
      if (current === flow) current = null;
      clearTimeout(timer);
      window.removeEventListener("message", hear);
      if (frame) frame.remove();
      undo();
      call("onClose");
    }

    function fail(message) {
      call("onError", { category: "TECHNICAL", message: message });
      close();
    }

    // hear takes events of our own frame on our own server, each once.
    function hear(event) {
      if (over || event.source !== frame.contentWindow || event.origin !== server) return;
      const data = Object(event.data);
      if (data.insightgraph !== "event" || heard.has(data.name)) return;
      heard.add(data.name);
      switch (data.name) {
        case "ready":
          ready();
          call("onReady");
          break;
        case "finished":
        case "abort":
          call(data.name === "abort" ? "onAbort" : "onFinished", data.detail);
          if (options.autoClose !== false && !over) timer = setTimeout(close, data.name === "abort" ? 0 : farewell);
          break;
        case "error":
          call("onError", data.detail);
          break;
        case "close":
          close();
      }
    }

    function ready() {
      clearTimeout(timer);
      if (cover) cover.remove();
      frame.style.visibility = "visible";
      if (box) frame.focus();
    }

    function hello() {
      if (over) return;
      frame.contentWindow.postMessage({ insightgraph: "hello", token: token, options: { language: options.language, appearance: options.appearance } }, server);
      if (loaded) return;
      loaded = true;
      call("onLoad");
    }

    function makeFrame() {
      frame = document.createElement("iframe");
      frame.title = say.title;
      frame.setAttribute("sandbox", "allow-scripts allow-same-origin allow-forms allow-popups allow-popups-to-escape-sandbox");
      frame.setAttribute("allow", "");
      frame.referrerPolicy = "no-referrer";
      frame.src = base + encodeURIComponent(token.split(".")[0]);
      style(frame, { display: "block", width: "100%", height: "100%", border: "0", visibility: "hidden" });
      frame.addEventListener("load", hello);
      return frame;
    }

    function dark() {
      return options.appearance === "dark" || (options.appearance !== "light" && window.matchMedia("(prefers-color-scheme: dark)").matches);
    }

    // inline puts the page into the customer's element.
    function inline(place) {
      style(makeFrame(), { minHeight: "620px" });
      place.append(frame);
    }

    // above puts the page into a window above the customer's page: a modal dialog, in which the browser keeps the focus
    // and after which it gives it back.
    function above() {
      const [back, text] = dark() ? ["#171e27", "#e9eef4"] : ["#ffffff", "#17202c"];
      box = style(document.createElement("dialog"), { position: "fixed", inset: "0", width: "100%", height: "100%", maxWidth: "none", maxHeight: "none",
        margin: "0", padding: "0", border: "0", overflow: "hidden", background: "rgba(8, 15, 26, 0.6)" });
      box.setAttribute("aria-label", say.title);
      const panel = style(document.createElement("div"), { position: "absolute", top: "50%", left: "50%", transform: "translate(-50%, -50%)", overflow: "hidden",
        width: "100%", height: "100%", maxWidth: "480px", maxHeight: "800px", background: back, boxShadow: "0 24px 64px rgba(0, 0, 0, 0.35)" });
      panel.style.borderRadius = "max(0px, min(16px, (100vw - 481px) * 99))"; // none where the panel fills the window
      cover = style(document.createElement("div"), { position: "absolute", inset: "0", display: "flex", flexDirection: "column", gap: "24px", alignItems: "center",
        justifyContent: "center", color: text, font: "16px/1.5 system-ui, sans-serif" });
      wait = document.createElement("p");
      wait.textContent = say.title + " …";
      const stop = style(document.createElement("button"), { font: "inherit", color: "inherit", background: "none", border: "1px solid currentColor", borderRadius: "10px", padding: "10px 20px", cursor: "pointer" });
      stop.type = "button";
      stop.textContent = say.close;
      stop.addEventListener("click", close);
      cover.append(wait, stop);
      panel.append(makeFrame(), cover);
      box.append(panel);
      document.body.append(box);
      const before = document.activeElement;
      const root = document.documentElement;
      const overflow = root.style.overflow;
      root.style.overflow = "hidden";
      // Escape must not throw away what the consumer has entered: once the page is there, its own buttons leave.
      box.addEventListener("keydown", function (event) {
        if (event.key !== "Escape") return;
        event.preventDefault();
        if (!heard.has("ready")) close();
      });
      box.addEventListener("cancel", function (event) {
        event.preventDefault();
        if (!heard.has("ready")) close();
      });
      box.addEventListener("close", close); // some browsers close it at a second Escape all the same
      undo = function () {
        root.style.overflow = overflow;
        box.remove();
        if (before && before.isConnected && before.focus) before.focus({ preventScroll: true });
      };
      box.showModal();
    }

    const flow = { close: close };
    current = flow;
    // What fails is told after startFlow has returned, so that the caller has what it returns.
    function later(message) {
      setTimeout(function () { if (!over) fail(message); });
      return flow;
    }
    if (typeof token !== "string" || !/^[\w-]{22}\.[\w-]{43}$/.test(token)) return later("This is not a client token: hand on the clientToken of startInsightsRefreshFlow as it is");
    let place = options.container;
    if (typeof place === "string") {
      try {
        place = document.querySelector(place);
      } catch (error) {
        place = undefined;
      }
      if (!place) return later("There is no element for the container " + options.container);
    }
    if (place && !(place instanceof Element)) return later("The container is no element");
    window.addEventListener("message", hear);
    timer = setTimeout(function () {
      fail("The page did not become ready: is " + location.origin + " registered for this customer, and is the client token still good?");
    }, patience);
    if (place) inline(place);
    else above();
    return flow;
  }

  window.InsightConnect = Object.freeze({ configure: configure, startFlow: startFlow });
})();
