// A question before what cannot be taken back, in the page itself: a dialog of the browser's, with the keyboard in it.

import { say } from "../frame/words.js";

function element(tag, attributes, ...children) {
  const made = Object.assign(document.createElement(tag), attributes);
  made.append(...children);
  return made;
}

// What was chosen or typed ("" where only a yes was asked), or null for no. `options` are [value, label]; `field` is a label.
export function ask(question, { yes = say("yes"), options = null, field = null, given = "" } = {}) {
  const input = options ? element("select", {}, ...options.map(([value, label]) => element("option", { value, textContent: label })))
    : field ? element("input", { type: "text", maxLength: 200, value: given }) : null;
  const go = element("button", { className: "main", value: "yes", textContent: yes }), no = element("button", { value: "no", textContent: say("no"), formNoValidate: true });
  go.dataset.testid = "ask-yes";
  no.dataset.testid = "ask-no";
  if (input) input.dataset.testid = "ask-input";
  const text = element("p", { id: "asked-text", textContent: question });
  const form = element("form", { method: "dialog" }, text, ...(input ? [element("label", {}, field ? `${field} ` : "", input)] : []), element("p", { className: "buttons" }, go, " ", no));
  const dialog = element("dialog", { className: "ask" }, form);
  dialog.setAttribute("aria-labelledby", "asked-text");
  if (input && options) input.setAttribute("aria-labelledby", "asked-text");
  document.body.append(dialog);
  return new Promise((answer) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      answer(dialog.returnValue === "yes" ? input?.value.trim() ?? "" : null);
    });
    dialog.showModal();
    (input ?? no).focus(); // what destroys is not done by Enter alone
  });
}
