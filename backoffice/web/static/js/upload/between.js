// Answers that are not the site's own: what stands in between gave them, and says little that people can use.

const MEANINGS = {
  401: "Something in front of the site asks for a sign-in of its own. Reload the page, then pick the file again.",
  403: "Something in front of the site refused the request. Whoever runs it can say why.",
  408: "Something in front of the site does not wait as long as sending takes.",
  413: "Something in front of the site takes no piece as large as this one.",
  429: "Something in front of the site takes no more requests for now. Try again later.",
};
const SETTING = "(nginx: client_max_body_size)";

/** What such an answer means, in a sentence. */
export function meaning(status) {
  return MEANINGS[status] ?? `Something between here and the site answered in its place (${status}).`;
}

/** Whether somebody may come back to the site by waiting, after such an answer. */
export function passes(status) {
  return status < 400 || [401, 407, 502, 503, 504, 511].includes(status);
}

/** Why even the smallest pieces do not get through. Sizes are texts. */
export function takesNothing(tried, wanted) {
  return `Something in front of the site takes not even ${tried} at a time. Whoever runs it has to raise its limit to`
    + ` at least ${wanted} ${SETTING}.`;
}

/** That smaller pieces are sent, and what to do about it. */
export function takesLess(refused, wanted) {
  return `Something in front of the site takes less than ${refused} at a time, so smaller pieces are sent. It is faster`
    + ` once its limit is raised to at least ${wanted} ${SETTING}.`;
}
