// What of the figures is looked at, as it stands in the address; the same address opens the same view.

export const BY = ["waste", "estate", "route", "truck"];

// Of which estate and truck alone; empty: of all.
export const onlyOf = (search) => Object.fromEntries([...new URLSearchParams(search)].filter(([name, id]) => ["estate", "truck"].includes(name) && id));

export const address = (view) => `/figures?${new URLSearchParams(view)}`;

// The file of what is shown: one sheet, or all of them.
export const filesOf = ({ view, day, by, estate, truck }, language) => (format, sheet) =>
  `/api/v1/stats/sheets?${new URLSearchParams({ view, day, by, ...(estate && { estate }), ...(truck && { truck }), language, format, ...(sheet ? { sheet } : {}) })}`;

// A cell as it is read: what nobody knows is a dash, no zero; where one has a fraction all show it.
export const fractions = (sheet) => (sheet.rows.some((row) => row.some((value) => typeof value === "number" && !Number.isInteger(value))) ? 1 : 0);
export const cell = (value, language, digits) => (value === null ? "–" : typeof value === "number" ? value.toLocaleString(language === "zh" ? "zh-CN" : "en-GB", { minimumFractionDigits: digits, maximumFractionDigits: digits || 2 }) : value);
