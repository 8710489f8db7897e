// A real OIDC provider on 127.0.0.1 with fresh signing keys, so that starting it again is a rotation of keys.
//   node provider.mjs <port> <people.json>
// people.json: {"clients": [client metadata], "people": {"<login>": {claims}}}. Who types a login at its own page is that person.
import { generateKeyPairSync, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import Provider from "oidc-provider";

const [port, file] = process.argv.slice(2);
const { clients, people } = JSON.parse(readFileSync(file, "utf8"));
const names = [...new Set(Object.values(people).flatMap((claims) => Object.keys(claims)))];
const rsa = () => {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  return { ...privateKey.export({ format: "jwk" }), kid: randomUUID(), use: "sig", alg: "RS256" };
};

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients,
  jwks: { keys: [rsa()] },
  cookies: { keys: [randomUUID()] },
  claims: { openid: ["sub"], profile: names },
  conformIdTokenClaims: false, // the profile's claims stand in the ID token
  pkce: { required: () => true },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...people[sub] }) }),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile");
    await grant.save();
    return grant;
  },
});

provider.listen(Number(port), "127.0.0.1", () => process.stdout.write("listening\n"));
