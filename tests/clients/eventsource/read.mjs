// For each line of JSON on stdin, reads that stream with eventsource and answers with a line of JSON.
import { createInterface } from "node:readline";
import { EventSource } from "eventsource";

function read({ url, headers, names }) {
  return new Promise((resolve) => {
    const events = [];
    const source = new EventSource(url, {
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...headers } }),
    });
    for (const name of new Set(["message", ...names])) {
      source.addEventListener(name, ({ type, lastEventId, data }) => {
        events.push([type, lastEventId, data]);
      });
    }
    // It says "error" at the end of a window as well, and would open the next one in three seconds.
    source.addEventListener("error", ({ code, message }) => {
      const final = source.readyState === EventSource.CLOSED;
      source.close();
      resolve({ events, code, message, final });
    });
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await read(JSON.parse(line))));
}
// A source that was closed still holds the timer of its next connection.
process.exit();
