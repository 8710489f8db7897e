/** One urql client a signed-in person, language and post. Cookies say who; headers in which language and whose place. */

import { Client, type CombinedError, cacheExchange, fetchExchange, mapExchange } from "@urql/core";
import type { Language } from "../language";
import { hearTime } from "./clock";

/** How somebody asks: in which language, and in an absent colleague's place where there is a deputyship's id. */
export interface Asking {
  language: Language;
  deputyship?: string;
}

export const requestHeaders = ({ language, deputyship }: Asking): Record<string, string> => ({
  "Accept-Language": language === "en" ? "en" : "zh-CN",
  ...(deputyship ? { "Gongzhi-Deputyship": deputyship } : {}),
});

/** For what the page asks by itself: it must not keep an idle session alive. */
export const inBackground = (asking: Asking): Record<string, string> => ({
  ...requestHeaders(asking),
  "Gongzhi-Background": "1",
});

/** Options of an operation that follows from an event, not from somebody at work. */
export const unattended = (asking: Asking) => ({
  requestPolicy: "network-only" as const,
  fetchOptions: () => ({ credentials: "same-origin" as const, headers: inBackground(asking) }),
});

/** Where GraphQL is answered for a division. */
export const addressOf = (division: string): string => (division ? `/graphql/${division}` : "/graphql");

/** `division` is where to ask: in one's own region where it is empty. */
export function makeClient(asking: Asking, onError: (error: CombinedError) => void, division = ""): Client {
  return new Client({
    url: addressOf(division),
    preferGetMethod: false,
    requestPolicy: "cache-and-network",
    fetchOptions: () => ({ credentials: "same-origin", headers: requestHeaders(asking) }),
    // What comes from the cache is no news of the time: the clock listens behind it.
    exchanges: [
      mapExchange({ onError }),
      cacheExchange,
      mapExchange({ onResult: ({ data }) => hearTime(data) }),
      fetchExchange,
    ],
  });
}
