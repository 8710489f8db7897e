/** One urql client a signed-in person and language. Cookies say who; the header says in which language. */

import { Client, type CombinedError, cacheExchange, fetchExchange, mapExchange } from "@urql/core";
import type { Language } from "../language";
import { hearTime } from "./clock";

export const requestHeaders = (language: Language): Record<string, string> => ({
  "Accept-Language": language === "en" ? "en" : "zh-CN",
});

/** For what the page asks by itself: it must not keep an idle session alive. */
export const inBackground = (language: Language): Record<string, string> => ({
  ...requestHeaders(language),
  "Gongzhi-Background": "1",
});

/** Options of an operation that follows from an event, not from somebody at work. */
export const unattended = (language: Language) => ({
  requestPolicy: "network-only" as const,
  fetchOptions: () => ({ credentials: "same-origin" as const, headers: inBackground(language) }),
});

/** Where GraphQL is answered for a division. */
export const addressOf = (division: string): string => (division ? `/graphql/${division}` : "/graphql");

/** `division` is where to ask: in one's own region where it is empty. */
export function makeClient(
  language: Language,
  onError: (error: CombinedError) => void,
  division = "",
): Client {
  return new Client({
    url: addressOf(division),
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    fetchOptions: () => ({ credentials: "same-origin", headers: requestHeaders(language) }),
    // What comes from the cache is no news of the time: the clock listens behind it.
    exchanges: [
      mapExchange({ onError }),
      cacheExchange,
      mapExchange({ onResult: ({ data }) => hearTime(data) }),
      fetchExchange,
    ],
  });
}
