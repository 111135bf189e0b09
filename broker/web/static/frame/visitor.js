// Who is signed in, and what they may do: the server's own table, asked once.

export let me = { name: "", kind: "", account: "", roles: [], scope: {}, deeds: {}, pages: [], ways: [], landing: "/", one_click: [] };

// Asks; who is not known signs in first and comes back here.
export async function meet() {
  const answer = await fetch("/api/v1/people/me").catch(() => null);
  if (answer?.status === 401) location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search + location.hash)}`);
  if (answer?.ok) me = await answer.json();
  return me;
}

// A deed ("POST /api/v1/...{}") is offered to whoever may do it: everywhere, or to what is of their estate, truck or firm.
export function may(deed, { estate, truck, contractor } = {}) {
  if (!(deed in me.deeds)) return false;
  const reach = me.deeds[deed];
  return reach === null || reach.estates.includes(estate) || reach.trucks.includes(truck) || reach.contractors.includes(contractor);
}
