/** What a person lets apps do in their name. Declared by core, so these stand in no committed schema. */

import { gql } from "@urql/core";

export interface Delegation {
  id: string;
  app: string;
  app_en: string;
  organ: string;
  organ_en: string;
  granted_at: string;
  /** Empty before the first use. */
  used_at: string;
  scopes: { scope: string; zh: string; en: string }[];
}

export const DELEGATIONS = gql<
  { delegations: { mine: { delegations: Delegation[] } } },
  Record<string, never>
>(`
  query Delegations {
    delegations {
      mine {
        delegations { id app app_en organ organ_en granted_at used_at scopes { scope zh en } }
      }
    }
  }
`);

export const WITHDRAW = gql<
  { delegations: { withdraw: { replayed: boolean } } },
  { delegation: string; key: string }
>(`
  mutation Withdraw($delegation: String!, $key: String!) {
    delegations { withdraw(input: { delegation: $delegation }, key: $key) { replayed } }
  }
`);
