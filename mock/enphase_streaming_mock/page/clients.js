// The section Clients: limits and bill, open streams, the verdict, and the latest requests.

const DEFAULT_DURATION = 30;
const byId = (id) => document.getElementById(id);

const requests = new Map(); // by number: the entry, its row, and its row among the open streams
let now = 0;

export function showAccount(account) {
  for (const [period, { used, limit }] of Object.entries(account.limits)) {
    const [said, meter] = [byId(period), byId(`${period}-meter`)];
    const allowed = limit === null ? "" : ` of ${limit.toLocaleString("en")}`;
    said.textContent = used.toLocaleString("en") + allowed;
    meter.value = limit === null ? 0 : Math.min(1, used / limit);
    meter.classList.toggle("full", limit !== null && used >= limit);
  }
  byId("dollars").textContent = `$${account.bill.dollars}`;
  byId("fee").textContent = account.bill.fee === "0" ? "no fee" : `and $${account.bill.fee} a month`;
}

export function showRequests({ afresh, open, gone, entries }) {
  for (const number of afresh ? [...requests.keys()] : gone) {
    const { row, stream } = requests.get(number);
    row.remove();
    stream?.remove();
    requests.delete(number);
  }
  entries.forEach(showRequest);
  byId("open").textContent = open.toLocaleString("en");
  byId("no-streams").hidden = open > 0;
  byId("no-requests").hidden = requests.size > 0;
}

function showRequest(entry) {
  const shown = requests.get(entry.number) ?? { row: addRow("requests", entry.number) };
  shown.row.id = `request-${entry.number}`;
  shown.entry = entry;
  requests.set(entry.number, shown);
  const asked = entry.query.map(([name, value]) => `${name}=${value}`);
  if (entry.duration) asked.push(`duration=${entry.duration}`);
  fill(shown.row, [
    `#${entry.number}`,
    time(entry.received),
    entry.status || "none",
    [entry.method, entry.path, ...asked].join(" "),
    ended(entry),
  ]);
  shown.row.className = entry.status >= 400 || entry.broken ? "bad" : "";
  if (entry.endpoint === "stream" && entry.ended === null) {
    shown.stream ??= addRow("streams", entry.number);
    showStream(shown);
  } else {
    shown.stream?.remove();
    shown.stream = null;
  }
}

function showStream({ entry, stream }) {
  const site = entry.path.split("/").at(-2);
  const lasts = Number(entry.duration || DEFAULT_DURATION);
  const left = Math.max(0, lasts - (now - Date.parse(entry.received)) / 1000);
  const leaves = `${Math.ceil(left)} s of ${lasts}`;
  fill(stream, [`#${entry.number}`, site, time(entry.received), entry.events_sent, leaves]);
}

export function showTime(milliseconds) {
  now = milliseconds;
  for (const shown of requests.values()) if (shown.stream) showStream(shown);
}

export function showVerdict({ total, latest }) {
  const many = `${total.toLocaleString("en")} findings, the latest first.`;
  const said = total > 1 ? many : total ? "1 finding." : "Nothing wrong so far.";
  // Only if it is another: a screen reader would read it out again.
  if (byId("verdict").textContent !== said) byId("verdict").textContent = said;
  byId("findings").replaceChildren(...latest.reverse().map((finding) => {
    const item = document.createElement("li");
    const rule = document.createElement("b");
    rule.textContent = finding.rule;
    item.append(rule, ` ${finding.message}. `);
    finding.requests.forEach((number, index) => {
      const link = document.createElement("a");
      link.href = `#request-${number}`;
      link.textContent = `#${number} at ${time(finding.moments[index])}`;
      item.append(link, " ");
    });
    return item;
  }));
}

function ended({ ended, broken, closed_by: side, events_sent: events, endpoint }) {
  const sent = endpoint === "stream" && events ? `, ${events} sent` : "";
  if (ended === null) return `open${sent}`;
  const how = side === "client" ? "client left" : broken ? "broken off" : sent ? "ended" : "answered";
  return `${how}${sent}`;
}

/** Insert a row above those of earlier requests. */
function addRow(table, number) {
  const { rows } = byId(table);
  const row = byId(table).insertRow([...rows].findIndex((each) => each.dataset.number < number));
  row.dataset.number = number;
  for (let cell = 0; cell < 5; cell++) row.insertCell();
  return row;
}

function fill(row, values) {
  values.forEach((value, index) => {
    if (row.cells[index].textContent !== String(value)) row.cells[index].textContent = value;
  });
}

const time = (moment) => moment.slice(11, 19);
