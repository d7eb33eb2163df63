export { countExercised, type Exercised } from './count-exercised.js';
export { explainFailure } from './explain-failure.js';
export { simulate } from './simulate.js';
