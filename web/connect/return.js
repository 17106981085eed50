// The page on which the bank's own page ends: in the window that the consumer opened for it.
import { languageOf, words } from "./words.js";

const language = languageOf(navigator.language);
const say = words[language];
const [title, ...texts] = {
  return: [say.returnTitle, say.returnText],
  lost: [say.lostTitle, say.lostText],
  foreign: [say.foreignTitle, say.foreignText, say.foreignWarning],
}[document.body.dataset.words];
document.documentElement.lang = language;
document.title = title;
document.querySelector("h1").textContent = title;
document.querySelectorAll("main > p").forEach((place, i) => { place.textContent = texts[i]; });
const button = document.querySelector("button");
button.textContent = say.closeWindow;
button.addEventListener("click", () => window.close());
