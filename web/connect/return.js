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
texts.forEach((text, i) => { document.querySelectorAll("main > p")[i].textContent = text; });
const button = document.querySelector("button");
button.textContent = say.closeWindow;
// A window may be closed by its page if a script opened it, which the page cannot find out: the one that opened it let go of
// it, and the bank's page may have come between. So it is tried, and said where the browser does not do it.
button.addEventListener("click", () => {
  window.close();
  setTimeout(() => {
    button.parentElement.remove();
    document.querySelector("[role=status]").textContent = say.closeYourself;
  }, 300);
});
