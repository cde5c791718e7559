// Making elements, and the few things that every part of the page needs.

/** An element with properties and children: `element("p", {className: "pill"}, "text")`. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

export const find = (id) => document.getElementById(id);

/** Set text only when it differs, so that nothing is laid out or read aloud again. */
export function say(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

let toastEnds = 0;

/** A line that goes away by itself. */
export function toast(line) {
  const place = find("toast");
  say(place, line);
  place.dataset.shown = "yes";
  clearTimeout(toastEnds);
  toastEnds = setTimeout(() => delete place.dataset.shown, 2500);
}

/** Copy `text`; where that is not allowed, select `shown`, which says it, or else show it. */
export async function copy(text, shown = null) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`copied ${text}`);
  } catch {
    if (shown) getSelection().selectAllChildren(shown);
    toast(shown ? "selected; copy it with your keyboard" : text);
  }
}

/** A button that shows `text` and copies it. */
export function copying(button, text) {
  const parts = text.split(/(?=\/)/).flatMap((part) => [element("wbr"), part]);
  button.replaceChildren(...parts);
  button.setAttribute("aria-label", `copy ${text}`);
  button.onclick = () => copy(text, button);
  return button;
}
