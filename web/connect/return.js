// The page on which the bank's own page ends: in the window that the consumer opened for it.
import { languageOf, words } from "./words.js";

const language = languageOf(navigator.language);
const say = words[language];
const [title, text] = document.body.dataset.words === "return" ? [say.returnTitle, say.returnText] : [say.lostTitle, say.lostText];
document.documentElement.lang = language;
document.title = title;
document.querySelector("h1").textContent = title;
document.querySelector("main p").textContent = text;
const button = document.querySelector("button");
button.textContent = say.closeWindow;
button.addEventListener("click", () => window.close());
