/** Types of events, told apart as the contract does: page, crawl and log are the service's own words, all else is an item. */

/** Whether an event of this type carries an item. */
export const isItem = (type: string): boolean => !/^(page|crawl|log)(\.|$)/.test(type);

/** Whether a crawl writes no more after an event of this type. */
export const isLast = (type: string): boolean => /^crawl\.(finished|failed|cancelled)$/.test(type);
