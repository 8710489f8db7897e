/** Addresses of the console name a case by its uuid alone, as the links in other systems' cards do. */

const CASE = "Case:";
const GRANT = "Grant:";
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export const isUuid = (text: string): boolean => UUID.test(text);

export const caseAddress = (id: string): string => `/cases/${id.replace(CASE, "")}`;

/** A case that lies outside one's own region is asked for in the province above both. */
export const caseAddressIn = (province: string, id: string): string => `${caseAddress(id)}?at=${province}`;

export const provinceOf = (division: string): string => `${division.slice(0, 2)}0000`;

/** Enough of a case's id to tell two of the same title apart. */
export const shortId = (id: string): string => id.replace(CASE, "").slice(0, 8);

export const caseIdOf = (uuid: string): string => (uuid.startsWith(CASE) ? uuid : CASE + uuid);

export const uuidOf = (id: string): string => id.trim().replace(/^(Case|Grant):/, "");

export const grantIdOf = (uuid: string): string => GRANT + uuid;
