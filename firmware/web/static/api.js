// How the page asks the station, and how it builds what it shows.

/** An answer as JSON. Throws with the station's own words. */
export async function load(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(await complaint(answer));
  return answer.json();
}

/** Give an order; resolves to "" or to why it was refused. */
export const order = (name, body) => post(`/api/order/${name}`, JSON.stringify(body), "application/json");

export async function post(path, body, type) {
  try {
    const answer = await fetch(path, { method: "POST", headers: { "Content-Type": type }, body });
    return answer.ok ? "" : await complaint(answer);
  } catch {
    return "The station did not answer.";
  }
}

async function complaint(answer) {
  try {
    const { error } = await answer.json();
    return error.charAt(0).toUpperCase() + error.slice(1);
  } catch {
    return `The station answered ${answer.status}.`;
  }
}

/** An element with properties and children. */
export function make(tag, { dataset = {}, ...properties } = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

/** Say something in a view's note; an empty text takes it away. */
export function tell(id, text, status = "fault") {
  const note = document.getElementById(id);
  note.textContent = text;
  note.dataset.status = status;
  note.hidden = !text;
}
