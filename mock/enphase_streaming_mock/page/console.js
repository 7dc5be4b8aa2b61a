// Shows what the mock sends at `events`: an event for each part that has changed.

import { showAccount, showRequests, showTime, showVerdict } from "./clients.js";
import { buildControls, showChoices, showFaults, showValues } from "./controls.js";
import { showChart, showSite } from "./site.js";

const text = (id, value) => { document.getElementById(id).textContent = value; };

const parts = {
  clock(clock) {
    text("time", clock.now.slice(0, 19).replace("T", " ") + " UTC");
    text("speed", `${clock.speed} ×`);
    showTime(Date.parse(clock.now));
    showValues("clock", clock);
  },
  scenario(scenario) {
    text("scenario", `${scenario.name}, seed ${scenario.seed}`);
    showChoices(scenario.choices);
    showValues("scenario", scenario);
  },
  account(account) {
    showAccount(account);
    showValues("account", account);
  },
  wire: (wire) => showValues("wire", wire),
  site: showSite,
  chart: showChart,
  faults: showFaults,
  requests: showRequests,
  verdict: showVerdict,
};

function showConnection(connected) {
  text("connection", connected ? "connected" : "the mock is away, trying again");
  document.body.classList.toggle("away", !connected);
}

function listen() {
  const source = new EventSource("events");
  source.addEventListener("open", () => showConnection(true));
  source.addEventListener("error", () => {
    showConnection(false);
    // The browser tries again by itself, unless the answer was no stream.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 1000);
  });
  for (const [name, show] of Object.entries(parts)) {
    source.addEventListener(name, (event) => show(JSON.parse(event.data)));
  }
}

await buildControls();
listen();
