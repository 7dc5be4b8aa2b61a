// The section Controls: a form for each thing that can be set, made from the mock's own document.

// `fields` are properties of the request in that document; `always` is sent without being asked for.
const FORMS = [
  { title: "Fault", method: "POST", path: "faults", button: "Set the fault", kinds: true },
  { title: "Faults to come", method: "DELETE", path: "faults", button: "Clear the faults" },
  { title: "Scenario", method: "PUT", path: "scenario", button: "Set the scenario", fields: ["name", "seed"] },
  { title: "Speed", method: "PUT", path: "clock", button: "Set the speed", fields: ["speed"] },
  { title: "Wire", method: "PUT", path: "wire", button: "Use the wire", fields: ["name"] },
  { title: "Wire, option by option", method: "PUT", path: "wire", button: "Use the options", folded: true },
  {
    title: "Plan", method: "PUT", path: "account", button: "Change the plan",
    fields: ["plan", "limit_answer"], hint: "What is allowed, and how a call beyond it is refused.",
  },
  {
    title: "Limits", method: "PUT", path: "account", button: "Use it up", fields: ["used_up"],
    hint: "Use up the calls that the plan allows in this minute or month.",
  },
  {
    title: "Access token", method: "PUT", path: "account", button: "Expire the token",
    always: { expired: null }, hint: "Let the token that the mock printed expire now.",
  },
  { title: "Start over", method: "POST", path: "reset", button: "Reset the mock" },
];

const forms = [];
let pending;

/** Make the forms. */
export async function buildControls() {
  const read = async (path) => (await fetch(path)).json();
  const [api, kinds] = await Promise.all(["openapi.json", "faults"].map(read));
  for (const each of FORMS) {
    const operation = api.paths[`/${each.path}`][each.method.toLowerCase()];
    const schema = operation.requestBody?.content["application/json"].schema.properties ?? {};
    const form = new ControlForm(each, operation.summary, schema);
    if (each.kinds) form.chooseKind(kinds);
    else form.setFields(each.folded ? Object.keys(schema).filter((name) => name !== "name") : each.fields);
    forms.push(form);
  }
  pending = element("ul", "pending");
  forms[1].fields.append(pending);
}

/** Show what is set now, except in a form that the user is changing. */
export function showValues(path, values) {
  for (const form of forms) if (form.path === path && !form.touched) form.write(values);
}

/** Say what each scenario is. */
export function showChoices(summaries) {
  const form = forms.find((each) => each.path === "scenario");
  form.describe = (name) => summaries[name];
}

/** List the faults that are still to strike. */
export function showFaults(faults) {
  pending.replaceChildren(...faults.map(({ name, options, left }) => {
    const told = Object.entries(options).filter(([option]) => !["requests", "always"].includes(option));
    const often = left === null ? "always" : left === 1 ? "once" : `${left} times`;
    const parts = [name, ...told.map((each) => each.join("=")), often];
    return element("li", "", parts.join(", "));
  }));
  if (!faults.length) pending.append(element("li", "", "None is set."));
}

class ControlForm {
  touched = false;
  describe = () => "";

  constructor({ title, method, path, button, always, folded, hint }, summary, schema) {
    Object.assign(this, { title, method, path, always, schema, inputs: new Map() });
    this.form = element("form");
    this.hint = element("p", "hint", hint ?? `${summary}.`);
    this.fields = element("div", "fields");
    this.curl = element("code");
    this.said = element("p", "said");
    this.said.setAttribute("role", "status");
    const copy = element("button", "quiet", "Copy");
    copy.type = "button";
    copy.setAttribute("aria-label", `Copy the curl command: ${title}`);
    copy.addEventListener("click", () => navigator.clipboard.writeText(this.curl.textContent.trim())
      .then(() => this.say("Copied."), () => this.say("This browser does not let pages copy.", true)));
    const command = element("div", "curl");
    command.append(this.curl, copy);
    this.form.append(this.hint, this.fields, element("button", "", button), command);
    this.form.addEventListener("input", () => { this.touched = true; this.refresh(); });
    this.form.addEventListener("submit", (event) => { event.preventDefault(); this.send(); });
    const card = element(folded ? "details" : "div", "card");
    const top = element(folded ? "summary" : "div", "top");
    top.append(element("h3", "", title), this.said);
    card.append(top, this.form);
    document.getElementById("forms").append(card);
    this.refresh();
  }

  /** Ask for these properties of the document's schema; some may have other defaults than there. */
  setFields(names = [], defaults = {}, first = []) {
    const rest = names.map((name) => {
      const fallback = defaults[name] ?? this.schema[name].default;
      return new Field(name, { ...this.schema[name], default: fallback }, this.title);
    });
    for (const field of this.inputs.values()) if (!first.includes(field)) field.box.remove();
    this.fields.append(...rest.map((field) => field.box));
    this.inputs = new Map([...first, ...rest].map((field) => [field.name, field]));
    this.refresh();
  }

  /** Ask for the kind of fault first, which has options of its own. */
  chooseKind(kinds) {
    this.describe = (name) => kinds[name].summary;
    const kind = new Field("name", this.schema.name, this.title);
    this.fields.append(kind.box);
    const show = () => {
      const { options } = kinds[kind.read()];
      const running = "after_events" in options ? ["running"] : []; // what begins within a stream
      this.setFields([...running, ...Object.keys(options)], options, [kind]);
    };
    kind.input.addEventListener("input", show);
    show();
  }

  write(values) {
    for (const [name, field] of this.inputs) if (name in values) field.write(values[name]);
    this.refresh();
  }

  body() {
    const given = [...this.inputs].map(([name, field]) => [name, field.read()]);
    return { ...Object.fromEntries(given.filter(([, value]) => value !== undefined)), ...this.always };
  }

  refresh() {
    const name = this.inputs.get("name")?.read();
    const said = name && this.describe(name);
    if (said) this.hint.textContent = said;
    const body = JSON.stringify(this.body());
    this.curl.textContent = `curl -X ${this.method} ${new URL(this.path, location.href)} `;
    if (body === "{}" && this.method !== "PUT") return; // only a PUT needs a body
    // On a line of its own where both do not fit in one.
    this.curl.append(element("span", "", `-d '${body.replaceAll("'", "'\\''")}'`));
  }

  async send() {
    this.say("");
    let error;
    try {
      const body = this.method === "DELETE" ? undefined : JSON.stringify(this.body());
      const answer = await fetch(this.path, { method: this.method, body });
      ({ error } = await answer.json());
    } catch {
      error = "The mock does not answer.";
    }
    this.say(error ?? "Done.", error !== undefined);
    if (error === undefined) this.touched = false;
  }

  say(text, isError = false) {
    this.said.textContent = text;
    this.said.classList.toggle("error", isError);
  }
}

/** An input for a property of the document's schema. */
class Field {
  constructor(name, schema, title) {
    Object.assign(this, { name, schema });
    const type = [schema.type].flat().find((each) => each !== "null");
    this.kind = schema.enum ? "enum" : type;
    this.input = element(schema.enum ? "select" : "input");
    this.input.name = name;
    if (schema.enum) {
      for (const value of schema.enum.filter((each) => each !== null)) {
        const option = element("option", "", /[\r\n]/.test(value) ? JSON.stringify(value) : value);
        option.value = value;
        this.input.append(option);
      }
    } else if (type === "boolean") {
      this.input.type = "checkbox";
    } else if (type === "integer" || type === "number") {
      this.input.type = "number";
      this.input.step = type === "integer" ? 1 : "any";
      if ("minimum" in schema) this.input.min = schema.minimum;
      if ("maximum" in schema) this.input.max = schema.maximum;
    }
    const label = element("label", "", name === "name" ? title.toLowerCase() : name.replaceAll("_", " "));
    label.htmlFor = this.input.id = `${title}-${name}`.replaceAll(/[^\w-]/g, "-");
    this.box = element("div", `field ${this.kind} ${name}`);
    this.box.append(label, this.input);
    if (schema.description && name !== "name") {
      const hint = element("small", "", schema.description);
      hint.id = `${this.input.id}-hint`;
      this.input.setAttribute("aria-describedby", hint.id);
      this.box.append(hint);
    }
    if (schema.default !== undefined) this.write(schema.default);
  }

  write(value) {
    if (this.kind === "boolean") this.input.checked = value;
    else if (this.kind === "enum") this.input.value = value;
    else this.input.value = value === null ? "" : String(value);
  }

  /** Return the value; undefined for none, and for what holds by default. */
  read() {
    const text = this.input.value;
    if (this.kind === "boolean") return this.input.checked || undefined; // each is false by default
    if (text === "" || text === String(this.schema.default)) return undefined;
    if (this.kind === "integer" || this.kind === "number") return Number(text);
    return this.kind === "array" ? text.split(",").map(Number) : text;
  }
}

function element(name, className = "", text = "") {
  const made = document.createElement(name);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}
