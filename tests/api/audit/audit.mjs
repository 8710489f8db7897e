// node audit.mjs <url> [bearer token]: runs every audit, prints one JSON object a line, exits 1 if one is not ok.

import { serverAudits } from "graphql-http";

const [url, token] = process.argv.slice(2);

const fetchFn = (target, options = {}) =>
  fetch(target, {
    ...options,
    headers: { ...options.headers, ...(token ? { authorization: `Bearer ${token}` } : {}) },
  });

let failed = 0;
for (const audit of serverAudits({ url, fetchFn })) {
  const result = await audit.fn();
  if (result.status !== "ok") failed += 1;
  console.log(
    JSON.stringify({ id: result.id, name: result.name, status: result.status, reason: result.reason ?? "" }),
  );
}
process.exit(failed ? 1 : 0);
