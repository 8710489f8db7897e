// Starts GraphiQL on the region that the address names: /graphiql?region=330523, or on one's own without it.
"use strict";

const region = new URLSearchParams(location.search).get("region") ?? "";
const url = /^[0-9]{6}$/.test(region) ? `/graphql/${region}` : "/graphql";

document.querySelector("#view input").value = region;
document.querySelector("#address").textContent = `POST ${url}`;

const root = ReactDOM.createRoot(document.querySelector("#graphiql"));
root.render(
  React.createElement(GraphiQL, {
    fetcher: GraphiQL.createFetcher({ url, headers: { "accept-language": navigator.language } }),
    defaultEditorToolsVisibility: true,
    defaultQuery: "{\n  region {\n    code\n    name\n  }\n  scenes {\n    id\n    title\n  }\n}\n",
    shouldPersistHeaders: false,
  }),
);
