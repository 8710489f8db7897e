// node listen.mjs <url> <bearer token> <query> [variables]: prints one JSON object a line for what graphql-sse hears.

import { createClient } from "graphql-sse";

const [url, token, query, variables] = process.argv.slice(2);

const say = (what) => console.log(JSON.stringify(what));
const client = createClient({ url, headers: { authorization: `Bearer ${token}` }, retryAttempts: 0 });

client.subscribe(
  { query, variables: variables ? JSON.parse(variables) : undefined },
  {
    next: (result) => say({ next: result }),
    error: (error) => {
      say({ error: Array.isArray(error) ? error : String(error.message ?? error) });
      process.exit(0);
    },
    complete: () => {
      say({ complete: true });
      process.exit(0);
    },
  },
);
