// The link for phones, as a code to scan; only where the page is served to the network.

import {copying, find} from "./dom.js";

/** Offer `link`, or nothing when it is null. */
export function offerLink(link) {
  const button = find("link-button");
  button.hidden = !link;
  if (!link) return;
  copying(find("link-text"), link);
  find("link-code").src = "link.svg";
  button.onclick = () => find("link-dialog").showModal();
}

/** The token came with the address; from here on a cookie carries it. */
export function hideToken() {
  if (location.search) history.replaceState(null, "", location.pathname);
}
