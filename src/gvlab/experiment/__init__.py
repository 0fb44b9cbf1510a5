"""What was the study: experiments, their results, and what they say about published statements."""
