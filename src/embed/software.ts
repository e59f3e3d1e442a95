/** Name and version, as every output states them. */
export const software = "skysense 0.1.0";
